// Inner join of two TAB-delimited files on their first fields: LEFT RIGHT -> the parts of a directory, whose lines are
// key<TAB>rest of left<TAB>rest of right, as join(1) prints them, in the order of LEFT within a block.
//
// RIGHT is the smaller one. Both threads put its rows into one table of 8-byte slots, a piece of the hash and the row's
// place in the file, with compare-and-swap. LEFT is then read once: for a batch of lines, all slots are prefetched,
// then all rows that they point to, then the matches are written.
#include "lines.h"

namespace {

using namespace reference;

constexpr std::size_t kBatch = 64;

struct Line {
  const char* begin;
  const char* key_end;
  const char* end;

  std::size_t key_size() const { return static_cast<std::size_t>(key_end - begin); }
};

// Calls function(Line) for the lines that start in [begin, end) of the text that ends at `limit`.
template <typename Function>
void for_each_line(const char* begin, const char* end, const char* limit, Function function) {
  while (begin < end) {
    const std::uint64_t newlines = positions(begin, '\n');
    const std::uint64_t tabs = positions(begin, '\t');
    const char* stop = newlines != 0 ? begin + __builtin_ctzll(newlines) : find(begin + 64, limit, '\n');
    stop = std::min(stop, limit);
    const char* key_end = tabs != 0 ? std::min(stop, begin + __builtin_ctzll(tabs)) : find(begin, stop, '\t');
    function(Line{begin, key_end, stop});
    begin = stop + 1;
  }
}

class Index {
 public:
  explicit Index(std::string_view right) : text_(right) {
    if (right.size() >> kPlaceBits != 0) {
      std::fprintf(stderr, "the right file is larger than 1 TiB\n");
      std::exit(1);
    }
  }

  // Rows are counted before the table is made, so that it never grows.
  void make_room(std::uint64_t rows) {
    while ((std::uint64_t{1} << bits_) < rows * 2) ++bits_;
    slots_ = allocate<std::atomic<std::uint64_t>>(std::size_t{1} << bits_);
  }

  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&slots_[home(hash)]); }

  // May be called by several threads at once.
  void insert(const char* row, std::uint64_t hash) {
    const std::uint64_t slot = tag(hash) | (static_cast<std::uint64_t>(row - text_.data()) + 1);
    for (std::size_t i = home(hash);; i = next(i)) {
      std::uint64_t empty = 0;
      if (slots_[i].load(std::memory_order_relaxed) == 0 &&
          slots_[i].compare_exchange_strong(empty, slot, std::memory_order_relaxed)) {
        return;
      }
    }
  }

  // The first slot from `i` on whose row may have the key; its row is prefetched. An empty slot ends the search.
  std::size_t candidate(std::uint64_t hash, std::size_t i) const {
    for (;; i = next(i)) {
      const std::uint64_t slot = slots_[i].load(std::memory_order_relaxed);
      if (slot != 0 && slot >> kPlaceBits != tag(hash) >> kPlaceBits) continue;
      if (slot != 0) {
        __builtin_prefetch(row(slot));
        __builtin_prefetch(row(slot) + 63);
      }
      return i;
    }
  }

  std::size_t home(std::uint64_t hash) const { return hash >> (64 - bits_); }

  // Calls function(row) for every row that may have the key: its caller compares. `i` is the first candidate.
  template <typename Function>
  void for_each_candidate(std::uint64_t hash, std::size_t i, Function function) const {
    for (;; i = candidate(hash, next(i))) {
      const std::uint64_t slot = slots_[i].load(std::memory_order_relaxed);
      if (slot == 0) return;
      function(row(slot));
    }
  }

 private:
  static constexpr unsigned kPlaceBits = 40;

  static std::uint64_t tag(std::uint64_t hash) { return hash << kPlaceBits; }
  std::size_t next(std::size_t i) const { return (i + 1) & ((std::size_t{1} << bits_) - 1); }
  const char* row(std::uint64_t slot) const { return text_.data() + (slot & ((1ULL << kPlaceBits) - 1)) - 1; }

  std::string_view text_;
  unsigned bits_ = 10;
  std::atomic<std::uint64_t>* slots_ = nullptr;
};

// Output blocks; a line's pieces are copied 64 bytes at a time, beyond their ends, which the next piece overwrites.
class JoinWriter {
 public:
  JoinWriter(const std::string& path, const char* right_end) : file_(path), right_end_(right_end) {}
  ~JoinWriter() { flush(); }

  void write(const Line& left, const char* row) {
    const char* row_end = find(row, right_end_, '\n');
    const auto left_size = static_cast<std::size_t>(left.end - left.begin);
    // RIGHT's key is equal to LEFT's; what follows it starts with the TAB, when there is anything.
    const char* rest = row + left.key_size();
    const auto rest_size = static_cast<std::size_t>(row_end - rest);
    if (left_size + rest_size + 1 > kSlack - 64) {
      flush();
      file_.write(left.begin, left_size);
      file_.write(rest, rest_size);
      file_.write("\n", 1);
      return;
    }
    put(left.begin, left_size);
    put(rest, rest_size);
    block_[used_++] = '\n';
    if (used_ >= kBlock) flush();
  }

 private:
  static constexpr std::size_t kBlock = 256 << 10;
  static constexpr std::size_t kSlack = 64 << 10;

  void put(const char* from, std::size_t size) {
    for (std::size_t i = 0; i < size; i += 32) {
      const __m256i piece = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(block_ + used_ + i), piece);
    }
    used_ += size;
  }

  void flush() {
    file_.write(block_, used_);
    used_ = 0;
  }

  OutputFile file_;
  const char* right_end_;
  char* block_ = allocate<char>(kBlock + kSlack);
  std::size_t used_ = 0;
};

class Prober {
 public:
  Prober(const Index& index, const std::string& path, const char* right_end) : index_(index), out_(path, right_end) {}

  void add(const Line& line) {
    lines_[size_] = line;
    hashes_[size_] = hash_of({line.begin, line.key_size()});
    index_.prefetch(hashes_[size_]);
    if (++size_ == kBatch) flush();
  }

  void flush() {
    for (std::size_t i = 0; i < size_; ++i) candidates_[i] = index_.candidate(hashes_[i], index_.home(hashes_[i]));
    for (std::size_t i = 0; i < size_; ++i) {
      const Line& line = lines_[i];
      const std::size_t size = line.key_size();
      index_.for_each_candidate(hashes_[i], candidates_[i], [&](const char* row) {
        if (equal(row, line.begin, size) && (row[size] == '\t' || row[size] == '\n')) out_.write(line, row);
      });
    }
    size_ = 0;
  }

 private:
  const Index& index_;
  JoinWriter out_;
  Line lines_[kBatch];
  std::uint64_t hashes_[kBatch];
  std::size_t candidates_[kBatch];
  std::size_t size_ = 0;
};

void build(Index& index, std::string_view right, unsigned threads) {
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> rows{0};
  parallel(threads, [&](unsigned) {
    std::uint64_t mine = 0;
    for_each_block(right, next, [&](const char* begin, const char* end) {
      mine += static_cast<std::uint64_t>(std::count(begin, end, '\n'));
    });
    rows += mine;
  });
  index.make_room(rows + 1);
  next = 0;
  parallel(threads, [&](unsigned) {
    const char* kept[kBatch];
    std::uint64_t hashes[kBatch];
    std::size_t size = 0;
    const auto flush = [&] {
      for (std::size_t i = 0; i < size; ++i) index.insert(kept[i], hashes[i]);
      size = 0;
    };
    for_each_block(right, next, [&](const char* begin, const char* end) {
      for_each_line(begin, end, right.data() + right.size(), [&](const Line& line) {
        kept[size] = line.begin;
        hashes[size] = hash_of({line.begin, line.key_size()});
        index.prefetch(hashes[size]);
        if (++size == kBatch) flush();
      });
    });
    flush();
  });
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, 2, "LEFT RIGHT");
  const InputFile left_file(arguments.operands[0]);
  const InputFile right_file(arguments.operands[1]);
  const std::string_view left = left_file.map();
  const std::string_view right = load(right_file, arguments.threads);
  Index index(right);
  build(index, right, arguments.threads);
  std::atomic<std::uint64_t> next{0};
  parallel(arguments.threads, [&](unsigned t) {
    Prober prober(index, part_path(arguments.output, t), right.data() + right.size());
    for_each_block(left, next, [&](const char* begin, const char* end) {
      for_each_line(begin, end, left.data() + left.size(), [&](const Line& line) { prober.add(line); });
    });
    prober.flush();
  });
  finish();
}
