// Counts 3-grams: runs of three neighbouring words of a line, INPUT -> the parts of a directory, whose lines are
// `word word word<TAB>count`, in no particular order.
//
// The threads turn the text into a stream of word numbers. Once the threads' numbers agree, three numbers make one key
// of at most 64 bits: the partition that it goes to stands for the twelve bits that do not fit. A partition, which fits
// the cache, is counted in a table of its own and becomes text.
#include <charconv>

#include "chunks.h"
#include "word_scan.h"

namespace {

using namespace reference;

constexpr unsigned kPartitionBits = 12;
constexpr std::size_t kPartitions = 1 << kPartitionBits;
constexpr std::uint32_t kLineBreak = UINT32_MAX;

using Stream = ChunkList<std::uint32_t, 1 << 16>;
using Keys = ChunkList<std::uint64_t, 512>;

// The words of one thread, numbered as they come, and the text as such numbers, with breaks between lines.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text), scan_(table_bits(text.size())) {}

  // Takes the lines that start in [begin, end).
  void add(const char* begin, const char* end) {
    scan_.begin_text();
    const auto on_word = [&](std::uint64_t& value, std::uint32_t index, auto) {
      if (value == 0) value = ++words_;
      numbers_[index] = static_cast<std::uint32_t>(value - 1);
    };
    const auto on_window = [&](std::size_t words) {
      for (std::size_t i = 0; i < words; ++i) {
        if (scan_.begins_line(i)) stream_.append(kLineBreak, pool_);
        stream_.append(numbers_[i], pool_);
      }
    };
    scan_.scan(text_, static_cast<std::uint64_t>(begin - text_.data()), static_cast<std::uint64_t>(end - text_.data()),
               on_word, on_window);
  }

  WordScan<true>& scan() { return scan_; }
  std::uint64_t words() const { return words_; }
  Stream& stream() { return stream_; }

 private:
  std::string_view text_;
  WordScan<true> scan_;
  ChunkPool pool_;
  Stream stream_;
  std::uint64_t words_ = 0;
  std::uint32_t numbers_[Places::kRoom];
};

// Numbers that all threads agree on: a word that an earlier thread has keeps its number there.
class Vocabulary {
 public:
  explicit Vocabulary(const std::vector<Reader*>& readers) {
    std::uint64_t most = 0;
    for (const Reader* reader : readers) most += reader->words();
    words_ = allocate<Entry>(most + 1);
    for (std::size_t t = 0; t < readers.size(); ++t) {
      numbers_.push_back(allocate<std::uint32_t>(readers[t]->words() + 1));
      add(readers, t, &WordScan<true>::shorts);
      add(readers, t, &WordScan<true>::middles);
      add(readers, t, &WordScan<true>::longs);
    }
    bits_ = static_cast<unsigned>(64 - __builtin_clzll(size_ | 1));
    if (3 * bits_ > 64 + kPartitionBits) {
      std::fprintf(stderr, "more than 2^25 different words\n");
      std::exit(1);
    }
  }

  const std::uint32_t* numbers_of(std::size_t thread) const { return numbers_[thread]; }
  const Entry& operator[](std::uint64_t number) const { return words_[number]; }
  unsigned bits() const { return bits_; }

 private:
  template <typename Table>
  void add(const std::vector<Reader*>& readers, std::size_t t, Table& (WordScan<true>::*table_of)()) {
    Table& table = (readers[t]->scan().*table_of)();
    const auto threads = static_cast<unsigned>(readers.size());
    // Hash order makes the walk through this table a walk through the others, too.
    parallel(threads, [&](unsigned part) {
      for (std::size_t i = table.end() * part / threads; i < table.end() * (part + 1) / threads; ++i) {
        Table::for_each(table[i], [&](auto key, std::uint64_t value) {
          std::uint32_t number = 0;
          if (!find(readers, t, table_of, key, number)) {
            number = size_++;
            words_[number] = Table::entry(key, 0);
          }
          numbers_[t][value - 1] = number;
        });
      }
    });
  }

  template <typename Table, typename Key>
  bool find(const std::vector<Reader*>& readers, std::size_t t, Table& (WordScan<true>::*table_of)(), Key key,
            std::uint32_t& number) {
    for (std::size_t other = 0; other < t; ++other) {
      const std::uint64_t value = (readers[other]->scan().*table_of)().find(key, Table::hash(key));
      if (value == 0) continue;
      number = numbers_[other][value - 1];
      return true;
    }
    return false;
  }

  Entry* words_ = nullptr;
  std::atomic<std::uint32_t> size_{0};
  std::vector<std::uint32_t*> numbers_;
  unsigned bits_ = 0;
};

// Three word numbers of `bits` bits each, as a partition and a key. The partition mixes all three, and with the key
// gives them back.
struct Gram {
  std::uint64_t a, b, c;

  static std::uint64_t mixed(std::uint64_t b, std::uint64_t c) {
    return (b * 0x9e3779b97f4a7c15ULL ^ c * 0xd1b54a32d192ed03ULL) >> (64 - kPartitionBits);
  }
  std::size_t partition() const { return (a ^ mixed(b, c)) & (kPartitions - 1); }
  std::uint64_t key(unsigned bits) const { return ((a >> kPartitionBits) << bits | b) << bits | c; }
  static Gram of(std::uint64_t key, std::size_t partition, unsigned bits) {
    const std::uint64_t mask = (1ULL << bits) - 1;
    const std::uint64_t c = key & mask;
    const std::uint64_t b = key >> bits & mask;
    return {key >> (2 * bits) << kPartitionBits | ((partition ^ mixed(b, c)) & (kPartitions - 1)), b, c};
  }
};

void partition(Stream& stream, const std::uint32_t* numbers, unsigned bits, std::vector<Keys>& partitions) {
  ChunkPool pool;
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  unsigned before = 0;
  const auto on_chunk = [&](const std::uint32_t* at, const std::uint32_t* end) {
    for (; at != end; ++at) {
      if (*at == kLineBreak) {
        before = 0;
        continue;
      }
      const std::uint64_t c = numbers[*at];
      if (before >= 2) {
        const Gram gram{a, b, c};
        partitions[gram.partition()].append(gram.key(bits), pool);
      }
      ++before;
      a = b;
      b = c;
    }
  };
  stream.consume(on_chunk, pool);
}

// Counts the keys of one partition after the other.
class KeyCounter {
 public:
  struct Slot {
    std::uint64_t key;
    std::uint64_t count;
  };

  // Calls function(key, count) for each different key.
  template <typename Function>
  void count(const std::vector<const Keys*>& lists, Function function) {
    std::size_t total = 0;
    for (const Keys* list : lists) total += list->size();
    unsigned bits = 10;
    while ((std::size_t{1} << bits) < total) ++bits;
    slots_.assign(std::size_t{1} << bits, Slot{});
    used_.clear();
    for (const Keys* list : lists) {
      list->for_each_chunk([&](const std::uint64_t* at, const std::uint64_t* end) {
        for (; at != end; ++at) add(*at, bits);
      });
    }
    function(used_);
  }

  const Slot& slot(std::uint32_t place) const { return slots_[place]; }

 private:
  void add(std::uint64_t key, unsigned bits) {
    std::size_t i = mix(key ^ 0x8bb84b93962eacc9ULL, 0x9e3779b97f4a7c15ULL) >> (64 - bits);
    while (slots_[i].key != key || slots_[i].count == 0) {
      if (slots_[i].count == 0) {
        slots_[i].key = key;
        used_.push_back(static_cast<std::uint32_t>(i));
        break;
      }
      i = (i + 1) & (slots_.size() - 1);
    }
    ++slots_[i].count;
  }

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> used_;
};

class GramWriter {
 public:
  GramWriter(const std::string& path, const Vocabulary& words) : writer_(path), words_(words) {}

  void write(const Gram& gram, std::uint64_t count) {
    put(gram.a, ' ');
    put(gram.b, ' ');
    put(gram.c, '\t');
    char* to = writer_.at();
    char* end = std::to_chars(to, to + 20, count).ptr;
    *end++ = '\n';
    writer_.advance(static_cast<std::size_t>(end - to));
  }

 private:
  void put(std::uint64_t number, char separator) {
    const Entry& word = words_[number];
    if (word.record != nullptr) {
      writer_.append(record_bytes(word.record), record_length(word.record));
      writer_.append(separator);
    } else {
      char* to = writer_.at();
      const std::size_t size = put_word(word, to);
      to[size] = separator;
      writer_.advance(size + 1);
    }
  }

  Writer writer_;
  const Vocabulary& words_;
};

void count_partition(const std::vector<std::vector<Keys>>& threads, std::size_t partition, const Vocabulary& words,
                     KeyCounter& counter, GramWriter& writer) {
  std::vector<const Keys*> lists;
  for (const auto& partitions : threads) lists.push_back(&partitions[partition]);
  counter.count(lists, [&](const std::vector<std::uint32_t>& used) {
    constexpr std::size_t kAheadBy = 12;
    const auto gram_at = [&](std::size_t i) { return Gram::of(counter.slot(used[i]).key, partition, words.bits()); };
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (i + kAheadBy < used.size()) {
        const Gram ahead = gram_at(i + kAheadBy);
        __builtin_prefetch(&words[ahead.a]);
        __builtin_prefetch(&words[ahead.b]);
        __builtin_prefetch(&words[ahead.c]);
      }
      writer.write(gram_at(i), counter.slot(used[i]).count);
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, 1, "[-n 3] INPUT");
  if (arguments.n != 3) {
    std::fprintf(stderr, "this program counts 3-grams only\n");
    return 2;
  }
  const InputFile input(arguments.operands[0]);
  const std::string_view text = input.map();
  const unsigned threads = arguments.threads;
  std::vector<Reader*> readers(threads);
  std::atomic<std::uint64_t> next{0};
  parallel(threads, [&](unsigned t) {
    readers[t] = new Reader(text);
    for_each_block(text, next, [&](const char* begin, const char* end) { readers[t]->add(begin, end); });
  });
  const Vocabulary words(readers);
  std::vector<std::vector<Keys>> partitions(threads, std::vector<Keys>(kPartitions));
  parallel(threads,
           [&](unsigned t) { partition(readers[t]->stream(), words.numbers_of(t), words.bits(), partitions[t]); });
  std::atomic<std::size_t> part{0};
  parallel(threads, [&](unsigned t) {
    GramWriter writer(part_path(arguments.output, t), words);
    KeyCounter counter;
    for (std::size_t i; (i = part++) < kPartitions;) count_partition(partitions, i, words, counter, writer);
  });
  finish();
}
