// Inverted index: `document<TAB>text` lines -> the parts of a directory, whose lines are
// `word<TAB>document,document,…`, every word once, its documents in order of their ids, words in no particular order.
//
// A word's value holds its number and the last document that it was seen in, so that a document's second occurrence
// costs nothing more. Postings, pairs of numbers, are logged; once words and documents have ranks, they go to
// partitions by word, and a partition, which fits the cache, becomes text.
#include "chunks.h"
#include "ranked_words.h"

namespace {

using namespace reference;

constexpr std::size_t kPartitions = 512;

struct Document {
  std::string_view id;
  std::uint32_t rank;
};

struct Posting {
  std::uint32_t word;
  std::uint32_t document;
};

// What one thread found.
class Collector {
 public:
  Collector(std::string_view text, unsigned thread)
      : text_(text), thread_(thread), scan_(table_bits(text.size())), numbering_(text.size() / 2 + 2) {
    postings_ = allocate<Posting>(text.size() / 2 + 2);
  }

  // Takes the documents whose lines start in [begin, end).
  void add(const char* begin, const char* end) {
    const char* limit = text_.data() + text_.size();
    while (begin < end) {
      const char* stop = find(begin, limit, '\n');
      const char* tab = find(begin, stop, '\t');
      documents_.push_back({{begin, static_cast<std::size_t>(tab - begin)}, 0});
      const auto mark = static_cast<std::uint64_t>(documents_.size()) << 32;
      const auto on_word = [&](std::uint64_t& value, std::uint32_t, auto entry) {
        if ((value ^ mark) >> 32 == 0) return;
        // The low half is the word's number plus one.
        if (value == 0) value = std::uint64_t{numbering_.add(entry(), thread_)} + 1;
        value = mark | (value & UINT32_MAX);
        postings_[size_++] = {static_cast<std::uint32_t>(value) - 1, static_cast<std::uint32_t>(mark >> 32) - 1};
      };
      const auto offset = [&](const char* at) { return static_cast<std::uint64_t>(at - text_.data()); };
      scan_.scan(text_, offset(tab), offset(stop), on_word, [](std::size_t) {});
      begin = stop + 1;
    }
  }

  std::vector<Document>& documents() { return documents_; }
  const Entries& words() const { return numbering_.words(); }
  const Posting* begin() const { return postings_; }
  const Posting* end() const { return postings_ + size_; }

 private:
  std::string_view text_;
  unsigned thread_;
  WordScan<> scan_;
  Numbering numbering_;
  std::vector<Document> documents_;
  Posting* postings_ = nullptr;
  std::size_t size_ = 0;
};

// The documents' ids by rank. Ids of up to 15 bytes are kept so that one 16-byte copy writes one.
class DocumentNames {
 public:
  explicit DocumentNames(std::vector<std::string_view> ids) : ids_(std::move(ids)), short_(ids_.size()) {
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      are_short_ = are_short_ && ids_[i].size() < sizeof(Short);
      if (are_short_) {
        std::memcpy(short_[i].bytes, ids_[i].data(), ids_[i].size());
        short_[i].bytes[15] = static_cast<char>(ids_[i].size());
      }
    }
  }

  bool are_short() const { return are_short_; }
  std::string_view operator[](std::size_t rank) const { return ids_[rank]; }
  std::size_t put_short(std::size_t rank, char* to) const {
    std::memcpy(to, short_[rank].bytes, sizeof(Short));
    return static_cast<std::size_t>(short_[rank].bytes[15]);
  }

 private:
  struct alignas(16) Short {
    char bytes[16] = {};
  };

  std::vector<std::string_view> ids_;
  std::vector<Short> short_;
  bool are_short_ = true;
};

// Gives every document its rank and returns their ids in that order.
std::vector<std::string_view> rank_documents(std::vector<Collector*>& collectors) {
  std::vector<Document*> order;
  for (Collector* collector : collectors) {
    for (Document& document : collector->documents()) order.push_back(&document);
  }
  std::sort(order.begin(), order.end(), [](const Document* a, const Document* b) { return a->id < b->id; });
  std::vector<std::string_view> ids;
  for (Document* document : order) {
    document->rank = static_cast<std::uint32_t>(ids.size());
    ids.push_back(document->id);
  }
  return ids;
}

// The postings of one partition from one thread.
using Postings = ChunkList<Posting, 1024>;

void partition(const Collector& collector, std::vector<Document>& documents, const std::uint32_t* ranks,
               std::size_t words, std::vector<Postings>& partitions) {
  constexpr std::ptrdiff_t kAheadOf = 32;
  ChunkPool pool;
  const Posting* end = collector.end();
  for (const Posting* posting = collector.begin(); posting != end; ++posting) {
    if (end - posting > kAheadOf) __builtin_prefetch(&ranks[posting[kAheadOf].word]);
    const std::uint32_t rank = ranks[posting->word];
    partitions[std::size_t{rank} * kPartitions / words].append({rank, documents[posting->document].rank}, pool);
  }
}

class PartWriter {
 public:
  explicit PartWriter(const std::string& path) : writer_(path) {}

  // Writes the words of the ranks [first, last), whose postings are in `lists`.
  void write(const std::vector<const Postings*>& lists, std::size_t first, std::size_t last, const RankedWords& words,
             const DocumentNames& names) {
    starts_.assign(last - first + 1, 0);
    const auto for_each = [&](auto function) {
      for (const Postings* list : lists) {
        list->for_each_chunk([&](const Posting* begin, const Posting* end) { std::for_each(begin, end, function); });
      }
    };
    for_each([&](const Posting& posting) { ++starts_[posting.word - first + 1]; });
    for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
    documents_.resize(starts_.back());
    ends_.assign(starts_.begin(), starts_.end() - 1);
    for_each([&](const Posting& posting) { documents_[ends_[posting.word - first]++] = posting.document; });
    for (std::size_t word = first; word < last; ++word) {
      std::uint32_t* begin = documents_.data() + starts_[word - first];
      std::uint32_t* end = documents_.data() + starts_[word - first + 1];
      // One run a thread, when the documents lie in the order of their ids.
      std::uint32_t* run = std::is_sorted_until(begin, end);
      if (run != end) std::is_sorted(run, end) ? std::inplace_merge(begin, run, end) : std::sort(begin, end);
      write_line(words.words[word], begin, end, names);
    }
  }

 private:
  void write_line(const Entry& word, const std::uint32_t* begin, const std::uint32_t* end, const DocumentNames& names) {
    if (word.record != nullptr) {
      writer_.append(record_bytes(word.record), record_length(word.record));
    } else {
      writer_.advance(put_word(word, writer_.at()));
    }
    char separator = '\t';
    for (; begin != end; ++begin) {
      writer_.append(separator);
      if (names.are_short()) {
        writer_.advance(names.put_short(*begin, writer_.at()));
      } else {
        writer_.append(names[*begin]);
      }
      separator = ',';
    }
    writer_.append('\n');
  }

  Writer writer_;
  std::vector<std::size_t> starts_;
  std::vector<std::size_t> ends_;
  std::vector<std::uint32_t> documents_;
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, 1, "INPUT");
  const InputFile input(arguments.operands[0]);
  const std::string_view text = input.map();
  const unsigned threads = arguments.threads;
  std::vector<Collector*> collectors(threads);
  std::atomic<std::uint64_t> next{0};
  parallel(threads, [&](unsigned t) {
    collectors[t] = new Collector(text, t);
    for_each_block(text, next, [&](const char* begin, const char* end) { collectors[t]->add(begin, end); });
  });

  const DocumentNames names(rank_documents(collectors));
  std::vector<Entries> lists;
  for (const Collector* collector : collectors) lists.push_back(collector->words());
  const RankedWords words = rank_words(lists);
  const std::size_t size = words.words.size();
  std::vector<std::vector<Postings>> partitions(threads, std::vector<Postings>(kPartitions));
  parallel(threads, [&](unsigned t) {
    partition(*collectors[t], collectors[t]->documents(), words.ranks[t], size, partitions[t]);
  });

  std::atomic<std::size_t> part{0};
  parallel(threads, [&](unsigned t) {
    PartWriter writer(part_path(arguments.output, t));
    for (std::size_t i; (i = part++) < kPartitions;) {
      std::vector<const Postings*> of_part;
      for (const auto& of_thread : partitions) of_part.push_back(&of_thread[i]);
      // The least rank whose partition is i.
      const auto first = [&](std::size_t at) { return (at * size + kPartitions - 1) / kPartitions; };
      writer.write(of_part, first(i), first(i + 1), words, names);
    }
  });
  finish();
}
