#pragma once

#include "sorted_words.h"
#include "word_scan.h"

// Words as numbers: the threads number words as they meet them; once all are known, a number becomes the word's rank.
namespace reference {

// The words of one thread in the order of their first appearance.
class Numbering {
 public:
  // `most` bounds the number of words; memory is touched only as they come.
  explicit Numbering(std::size_t most) { words_.data = allocate<Entry>(most); }

  std::uint32_t add(const Entry& entry, unsigned thread) {
    const auto number = static_cast<std::uint32_t>(words_.size);
    words_.data[words_.size] = entry;
    words_.data[words_.size++].value = std::uint64_t{thread} << 32 | number;
    return number;
  }

  const Entries& words() const { return words_; }

 private:
  Entries words_;
};

struct RankedWords {
  std::vector<std::uint32_t*> ranks;  // [thread][number]
  std::vector<Entry> words;           // by rank
};

inline RankedWords rank_words(const std::vector<Entries>& lists) {
  const auto threads = static_cast<unsigned>(lists.size());
  RankedWords result;
  for (const Entries& list : lists) result.ranks.push_back(allocate<std::uint32_t>(list.size + 1));
  const std::size_t shares = threads * 16;
  struct Share {
    const Entry* begin;
    const Entry* end;
    std::size_t distinct = 0;
  };
  std::vector<Share> sorted(shares);
  sort_shares(bucket_words(lists), shares, threads, [&](std::size_t share, const Entry* begin, const Entry* end) {
    sorted[share] = {begin, end};
    for (const Entry* entry = begin; entry != end; ++entry)
      sorted[share].distinct += entry == begin || entry[-1] < entry[0];
  });
  std::vector<std::size_t> first(shares + 1);
  for (std::size_t share = 0; share < shares; ++share) first[share + 1] = first[share] + sorted[share].distinct;
  result.words.resize(first[shares]);
  std::atomic<std::size_t> next{0};
  parallel(threads, [&](unsigned) {
    for (std::size_t share; (share = next++) < shares;) {
      std::size_t rank = first[share];
      for (const Entry* entry = sorted[share].begin; entry != sorted[share].end; ++entry) {
        if (entry != sorted[share].begin && entry[-1] < entry[0]) ++rank;
        result.words[rank] = *entry;
        result.ranks[entry->value >> 32][entry->value & UINT32_MAX] = static_cast<std::uint32_t>(rank);
      }
    }
  });
  return result;
}

}  // namespace reference
