// URL counts of an access log (common or combined format) -> one file of `url<TAB>count<TAB>percent` lines sorted by
// URL.
//
// A line costs three 64-byte loads: to the first quote, over the method and the URL, to the end. The URLs of a batch of
// lines are hashed and their slots prefetched, then counted in the thread's own table, whose slots hold URLs of up to
// 40 bytes. Lines without a request of three parts are left out.
#include <charconv>

#include "lines.h"

namespace {

using namespace reference;

constexpr std::size_t kBatch = 64;

struct Slot {
  static constexpr std::size_t kInline = 40;

  std::uint64_t hash;  // 0 in an empty slot
  std::uint64_t length;
  char bytes[kInline];  // zero-padded, or a pointer into the map
  std::uint64_t count;

  std::string_view url() const {
    const char* far;
    std::memcpy(&far, bytes, sizeof far);
    return {length <= kInline ? bytes : far, length};
  }
};
static_assert(sizeof(Slot) == 64);

class Table {
 public:
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&slots_[home(hash)], 1); }

  void add(std::string_view url, std::uint64_t hash, std::uint64_t count) {
    Slot* slot = find(url, hash);
    slot->count += count;
    if (slot->hash == 0) {
      slot->hash = hash;
      slot->length = url.size();
      const char* far = url.data();
      if (url.size() <= Slot::kInline) {
        std::memcpy(slot->bytes, url.data(), url.size());
      } else {
        std::memcpy(slot->bytes, &far, sizeof far);
      }
      if (++used_ * 2 > capacity()) grow();
    }
  }

  template <typename Function>
  void for_each(Function function) const {
    for (std::size_t i = 0; i < capacity(); ++i) {
      if (slots_[i].hash != 0) function(slots_[i]);
    }
  }

 private:
  std::size_t capacity() const { return std::size_t{1} << bits_; }
  std::size_t home(std::uint64_t hash) const { return hash >> (64 - bits_); }

  Slot* find(std::string_view url, std::uint64_t hash) {
    for (std::size_t i = home(hash);; i = (i + 1) & (capacity() - 1)) {
      Slot& slot = slots_[i];
      if (slot.hash == 0 || (slot.hash == hash && same(slot, url))) return &slot;
    }
  }

  static bool same(const Slot& slot, std::string_view url) {
    if (slot.length != url.size()) return false;
    return equal(url.size() > Slot::kInline ? slot.url().data() : slot.bytes, url.data(), url.size());
  }

  void grow() {
    Slot* old = slots_;
    const std::size_t old_capacity = capacity();
    ++bits_;
    slots_ = allocate<Slot>(capacity());
    for (std::size_t i = 0; i < old_capacity; ++i) {
      if (old[i].hash == 0) continue;
      std::size_t to = home(old[i].hash);
      while (slots_[to].hash != 0) to = (to + 1) & (capacity() - 1);
      slots_[to] = old[i];
    }
    release(old, old_capacity * sizeof(Slot));
  }

  unsigned bits_ = 14;
  Slot* slots_ = allocate<Slot>(std::size_t{1} << 14);
  std::size_t used_ = 0;
};

class Counter {
 public:
  // Counts the lines that start in [begin, end) of the text, whose end is `limit`.
  void count(const char* begin, const char* end, const char* limit) {
    for (const char* line = begin; line < end;) {
      const char* quote = find(line, limit, '"');
      std::uint64_t spaces = positions(quote, ' ');
      const char* method_end = quote + __builtin_ctzll(spaces | 1ULL << 63);
      spaces &= spaces - 1;
      const char* url_end = quote + __builtin_ctzll(spaces | 1ULL << 63);
      if (spaces == 0) {
        method_end = find(quote, limit, ' ');
        url_end = method_end == limit ? limit : find(method_end + 1, limit, ' ');
      }
      const char* stop = find(url_end, limit, '\n');
      // What was found may lie beyond this line when the line is malformed.
      if (url_end == limit || std::memchr(line, '\n', static_cast<std::size_t>(url_end - line)) != nullptr) {
        stop = find(line, limit, '\n');
      } else {
        append({method_end + 1, static_cast<std::size_t>(url_end - method_end - 1)});
      }
      line = stop + 1;
    }
    flush();
  }

  Table& table() { return table_; }
  std::uint64_t total() const { return total_; }

 private:
  void append(std::string_view url) {
    urls_[size_] = url;
    hashes_[size_] = hash_of(url);
    table_.prefetch(hashes_[size_]);
    if (++size_ == kBatch) flush();
  }

  void flush() {
    for (std::size_t i = 0; i < size_; ++i) table_.add(urls_[i], hashes_[i], 1);
    total_ += size_;
    size_ = 0;
  }

  Table table_;
  std::string_view urls_[kBatch];
  std::uint64_t hashes_[kBatch];
  std::size_t size_ = 0;
  std::uint64_t total_ = 0;
};

void write_sorted(const Table& table, std::uint64_t total, const std::string& path, unsigned threads) {
  struct Row {
    std::string_view url;
    std::uint64_t count;
    bool operator<(const Row& other) const { return url < other.url; }
  };
  std::vector<Row> rows;
  table.for_each([&](const Slot& slot) { rows.push_back({slot.url(), slot.count}); });
  const auto half = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
  if (threads > 1) {
    parallel(2, [&](unsigned t) { t == 0 ? std::sort(rows.begin(), half) : std::sort(half, rows.end()); });
    std::inplace_merge(rows.begin(), half, rows.end());
  } else {
    std::sort(rows.begin(), rows.end());
  }
  Writer writer(path);
  for (const Row& row : rows) {
    char percent[32];
    const double share = 100.0 * static_cast<double>(row.count) / static_cast<double>(total);
    const char* end = std::to_chars(percent, percent + sizeof percent, share, std::chars_format::fixed, 4).ptr;
    writer.append(row.url);
    writer.append('\t');
    writer.append_number(row.count);
    writer.append('\t');
    writer.append(percent, static_cast<std::size_t>(end - percent));
    writer.append('\n');
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, 1, "INPUT");
  const InputFile input(arguments.operands[0]);
  const std::string_view text = input.map();
  std::vector<Counter> counters(arguments.threads);
  std::atomic<std::uint64_t> next{0};
  parallel(arguments.threads, [&](unsigned t) {
    const char* limit = text.data() + text.size();
    for_each_block(text, next, [&](const char* begin, const char* end) { counters[t].count(begin, end, limit); });
  });
  std::uint64_t total = counters[0].total();
  for (unsigned t = 1; t < arguments.threads; ++t) {
    counters[t].table().for_each([&](const Slot& slot) { counters[0].table().add(slot.url(), slot.hash, slot.count); });
    total += counters[t].total();
  }
  write_sorted(counters[0].table(), total, arguments.output, arguments.threads);
  finish();
}
