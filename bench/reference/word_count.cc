// Word count: INPUT -> one file of `word<TAB>count` lines sorted by word (bytes), words split on ASCII white space.
//
// Each thread counts the words of the blocks it claims in tables of its own. Tables are ordered by hash, so merging
// those of all threads is a walk through all of them, split by hash range.
#include <charconv>

#include "sorted_words.h"
#include "word_scan.h"

namespace {

using namespace reference;

constexpr std::uint64_t kBlock = 1 << 20;

// Appends all words whose hash lies in the part'th of `parts` ranges, each once, with the sum of its values.
template <typename Words>
void merge(const std::vector<Table<Words>*>& tables, std::size_t part, std::size_t parts, Entries& out) {
  const std::size_t begin = tables[0]->homes() * part / parts;
  const std::size_t end = tables[0]->homes() * (part + 1) / parts;
  for (std::size_t t = tables.size(); t-- > 0;) {
    const Table<Words>& table = *tables[t];
    for (std::size_t i = begin; i < end || (i < table.end() && Words::empty(table[i - 1]) == 0); ++i) {
      Table<Words>::for_each(table[i], [&](typename Words::Key key, std::uint64_t value) {
        const std::uint64_t hash = Words::hash(key);
        if (table.home(hash) < begin || table.home(hash) >= end) return;
        bool present = false;
        for (std::size_t other = 0; other < t && !present; ++other) {
          present = tables[other]->add_to_present(key, hash, value);
        }
        if (!present) out.data[out.size++] = Words::entry(key, value);
      });
    }
  }
}

void format(const Entry* begin, const Entry* end, std::string& out) {
  std::size_t room = 16;
  for (const Entry* entry = begin; entry != end; ++entry) {
    room += 22 + (entry->record == nullptr ? 16 : record_length(entry->record));
  }
  out.resize(room);
  char* to = out.data();
  for (const Entry* entry = begin; entry != end; ++entry) {
    to += put_word(*entry, to);
    *to++ = '\t';
    to = std::to_chars(to, to + 20, entry->value).ptr;
    *to++ = '\n';
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

std::vector<WordScan<>*> count_words(std::string_view text, unsigned threads) {
  std::vector<WordScan<>*> scans(threads);
  std::atomic<std::uint64_t> next{0};
  parallel(threads, [&](unsigned t) {
    scans[t] = new WordScan<>(table_bits(text.size()));
    for (std::uint64_t at; (at = next.fetch_add(kBlock)) < text.size();) {
      scans[t]->scan(
          text, at, std::min<std::uint64_t>(text.size(), at + kBlock),
          [](std::uint64_t& value, std::uint32_t, auto) { ++value; }, [](std::size_t) {});
    }
  });
  return scans;
}

template <typename Words, typename Member>
std::vector<Table<Words>*> tables_of(const std::vector<WordScan<>*>& scans, Member member) {
  std::vector<Table<Words>*> tables;
  unsigned bits = 0;
  for (WordScan<>* scan : scans) {
    tables.push_back(&(scan->*member)());
    bits = std::max(bits, tables.back()->bits());
  }
  for (Table<Words>* table : tables) {
    if (table->bits() < bits) table->grow(bits);
  }
  return tables;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, 1, "INPUT");
  const InputFile input(arguments.operands[0]);
  const unsigned threads = arguments.threads;
  std::vector<WordScan<>*> scans = count_words(input.map(), threads);

  const auto shorts = tables_of<ShortWords>(scans, &WordScan<>::shorts);
  const auto middles = tables_of<MiddleWords>(scans, &WordScan<>::middles);
  const auto longs = tables_of<LongWords>(scans, &WordScan<>::longs);
  std::vector<Entries> merged(threads);
  parallel(threads, [&](unsigned t) {
    std::size_t room = 0;
    for (WordScan<>* scan : scans) room += scan->used();
    merged[t].data = allocate<Entry>(room);
    merge(shorts, t, threads, merged[t]);
    merge(middles, t, threads, merged[t]);
    merge(longs, t, threads, merged[t]);
  });
  const std::size_t shares = threads * 16;
  std::vector<std::string> lines(shares);
  sort_shares(bucket_words(merged), shares, threads,
              [&](std::size_t share, const Entry* begin, const Entry* end) { format(begin, end, lines[share]); });
  OutputFile output(arguments.output);
  for (const std::string& part : lines) output.write(part.data(), part.size());
  finish();
}
