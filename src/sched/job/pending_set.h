#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::sched {

/// A set of numbers in [0, capacity) whose smallest member is found in O(log64 capacity). It is a tree of bitmaps: a
/// bit of one level says that the word of the level below has a member. 1.02 bits a number, no allocation after
/// construction.
class PendingSet {
 public:
  explicit PendingSet(std::uint32_t capacity = 0) {
    std::size_t words = (std::size_t{capacity} + 63) / 64;
    levels_.emplace_back(words);
    while (words > 1) {
      words = (words + 63) / 64;
      levels_.emplace_back(words);
    }
  }

  bool empty() const noexcept { return levels_.back().empty() || levels_.back().front() == 0; }

  bool contains(std::uint32_t number) const noexcept { return (levels_.front()[number / 64] >> (number % 64)) & 1; }

  /// It is not an error when it is in already.
  void insert(std::uint32_t number) noexcept {
    for (auto& level : levels_) {
      level[number / 64] |= std::uint64_t{1} << (number % 64);
      number /= 64;
    }
  }

  /// It is not an error when it is not in.
  void erase(std::uint32_t number) noexcept {
    for (auto& level : levels_) {
      level[number / 64] &= ~(std::uint64_t{1} << (number % 64));
      if (level[number / 64] != 0) return;
      number /= 64;
    }
  }

  /// REQUIRES: not empty().
  std::uint32_t first() const noexcept {
    std::uint32_t number = 0;
    for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
      number = number * 64 + static_cast<std::uint32_t>(std::countr_zero((*level)[number]));
    }
    return number;
  }

 private:
  std::vector<std::vector<std::uint64_t>> levels_;  // the numbers themselves first, one word last
};

}  // namespace millrace::sched
