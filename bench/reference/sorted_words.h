#pragma once

#include <utility>

#include "words.h"

// Sorting words: a radix step over two bytes, then std::sort on 16-byte big-endian prefixes.
namespace reference {

// Entries in memory that is only touched where it is used.
struct Entries {
  Entry* data = nullptr;
  std::size_t size = 0;
};

// Words in buckets by their first two bytes, the buckets in order; bucket i is [bounds[i], bounds[i + 1]).
struct BucketedWords {
  static constexpr std::size_t kBuckets = 1 << 16;

  Entry* entries = nullptr;
  std::vector<std::size_t> bounds;

  static std::size_t bucket_of(const Entry& entry) { return entry.prefix[0] >> 48; }
};

// `lists` has one list a thread.
inline BucketedWords bucket_words(const std::vector<Entries>& lists) {
  const auto threads = static_cast<unsigned>(lists.size());
  std::vector<std::vector<std::size_t>> offsets(threads, std::vector<std::size_t>(BucketedWords::kBuckets));
  parallel(threads, [&](unsigned t) {
    for (std::size_t i = 0; i < lists[t].size; ++i) ++offsets[t][BucketedWords::bucket_of(lists[t].data[i])];
  });
  BucketedWords words;
  std::size_t total = 0;
  for (std::size_t bucket = 0; bucket < BucketedWords::kBuckets; ++bucket) {
    words.bounds.push_back(total);
    for (unsigned t = 0; t < threads; ++t) total += std::exchange(offsets[t][bucket], total);
  }
  words.bounds.push_back(total);
  words.entries = allocate<Entry>(total);
  parallel(threads, [&](unsigned t) {
    for (std::size_t i = 0; i < lists[t].size; ++i) {
      const Entry& entry = lists[t].data[i];
      words.entries[offsets[t][BucketedWords::bucket_of(entry)]++] = entry;
    }
  });
  return words;
}

// Sorts `shares` ranges of whole buckets, each in one thread, and calls function(share, begin, end) for each.
template <typename Function>
void sort_shares(const BucketedWords& words, std::size_t shares, unsigned threads, Function function) {
  const std::vector<std::size_t>& bounds = words.bounds;
  const auto bound = [&](std::size_t i) {
    return i == shares ? bounds.end() - 1 : std::lower_bound(bounds.begin(), bounds.end(), bounds.back() * i / shares);
  };
  std::atomic<std::size_t> next{0};
  parallel(threads, [&](unsigned) {
    for (std::size_t share; (share = next++) < shares;) {
      const auto last = bound(share + 1);
      for (auto bucket = bound(share); bucket < last; ++bucket) {
        if (bucket[1] - bucket[0] > 1) std::sort(words.entries + bucket[0], words.entries + bucket[1]);
      }
      function(share, words.entries + *bound(share), words.entries + *last);
    }
  });
}

}  // namespace reference
