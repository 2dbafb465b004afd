// Sorts the 100-byte records of INPUT by their 10-byte keys into the parts of a directory, in order from part to part.
//
// Sixteen bytes stand for a record: the key and the record's number. They are scattered by the key's first two bytes,
// each bucket (a few thousand records, in the cache) is sorted, and the records are gathered in that order, those ahead
// prefetched, into blocks that go straight to the output. Every thread writes a part of its own: one file's writers
// would wait for each other.
#include "program.h"

namespace {

using namespace reference;

constexpr std::size_t kRecord = 100;
constexpr std::size_t kBuckets = 1 << 16;
constexpr std::size_t kAhead = 24;

// The key as numbers that compare as its bytes do; equal keys keep the order of the input.
struct Entry {
  std::uint64_t prefix;
  std::uint64_t rest;

  std::size_t bucket() const { return prefix >> 48; }
  std::size_t row() const { return rest & ((1ULL << 48) - 1); }
};

bool operator<(const Entry& a, const Entry& b) { return a.prefix != b.prefix ? a.prefix < b.prefix : a.rest < b.rest; }

Entry entry_of(const char* record, std::uint64_t row) {
  std::uint64_t prefix;
  std::uint16_t rest;
  std::memcpy(&prefix, record, sizeof prefix);
  std::memcpy(&rest, record + 8, sizeof rest);
  return {__builtin_bswap64(prefix), std::uint64_t{__builtin_bswap16(rest)} << 48 | row};
}

// Sorts a bucket, whose entries share two bytes: counts by the third, then by comparison inside.
void sort_bucket(Entry* begin, std::size_t size, std::vector<Entry>& room) {
  constexpr std::size_t kSmall = 48;
  if (size <= kSmall) {
    std::sort(begin, begin + size);
    return;
  }
  const auto digit = [](const Entry& entry) { return entry.prefix >> 40 & 255; };
  std::size_t ends[256] = {};
  for (std::size_t i = 0; i < size; ++i) ++ends[digit(begin[i])];
  for (std::size_t d = 0, total = 0; d < 256; ++d) {
    const std::size_t count = ends[d];
    ends[d] = total;
    total += count;
  }
  if (room.size() < size) room.resize(size);
  for (std::size_t i = 0; i < size; ++i) room[ends[digit(begin[i])]++] = begin[i];
  std::size_t start = 0;
  for (std::size_t end : ends) {
    if (end - start > 1)
      std::sort(room.begin() + static_cast<std::ptrdiff_t>(start), room.begin() + static_cast<std::ptrdiff_t>(end));
    start = end;
  }
  std::copy(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size), begin);
}

void gather(std::string_view records, const Entry* begin, const Entry* end, const std::string& path) {
  constexpr std::size_t kBlock = 4096;
  OutputFile output(path);
  char* block = allocate<char>(kBlock * kRecord);
  while (begin < end) {
    const Entry* stop = begin + std::min<std::ptrdiff_t>(end - begin, kBlock);
    char* to = block;
    for (; begin < stop; ++begin, to += kRecord) {
      if (end - begin > static_cast<std::ptrdiff_t>(kAhead)) {
        const char* ahead = records.data() + begin[kAhead].row() * kRecord;
        __builtin_prefetch(ahead);
        __builtin_prefetch(ahead + 64);
        __builtin_prefetch(ahead + kRecord - 1);
      }
      std::memcpy(to, records.data() + begin->row() * kRecord, kRecord);
    }
    output.write(block, static_cast<std::size_t>(to - block));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, 1, "INPUT");
  const InputFile input(arguments.operands[0]);
  if (input.size() % kRecord != 0) {
    std::fprintf(stderr, "%s: not a whole number of records\n", arguments.operands[0].c_str());
    return 1;
  }
  const std::string_view records = input.map();
  const std::size_t rows = records.size() / kRecord;
  const unsigned threads = arguments.threads;

  Entry* unsorted = allocate<Entry>(rows);
  std::vector<std::vector<std::size_t>> offsets(threads, std::vector<std::size_t>(kBuckets));
  parallel(threads, [&](unsigned t) {
    for (std::size_t row = rows * t / threads; row < rows * (t + 1) / threads; ++row) {
      unsorted[row] = entry_of(records.data() + row * kRecord, row);
      ++offsets[t][unsorted[row].bucket()];
    }
  });
  std::vector<std::size_t> bounds(kBuckets + 1);
  std::size_t total = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    bounds[bucket] = total;
    for (unsigned t = 0; t < threads; ++t) {
      const std::size_t count = offsets[t][bucket];
      offsets[t][bucket] = total;
      total += count;
    }
  }
  bounds[kBuckets] = total;
  Entry* sorted = allocate<Entry>(rows);
  parallel(threads, [&](unsigned t) {
    for (std::size_t row = rows * t / threads; row < rows * (t + 1) / threads; ++row) {
      sorted[offsets[t][unsorted[row].bucket()]++] = unsorted[row];
    }
  });
  parallel(threads, [&](unsigned t) {
    const auto bound = [&](unsigned i) {
      return i == threads ? bounds.end() - 1 : std::lower_bound(bounds.begin(), bounds.end(), total * i / threads);
    };
    const auto last = bound(t + 1);
    std::vector<Entry> room;
    for (auto bucket = bound(t); bucket < last; ++bucket) sort_bucket(sorted + bucket[0], bucket[1] - bucket[0], room);
    gather(records, sorted + *bound(t), sorted + *last, part_path(arguments.output, t));
  });
  finish();
}
