#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
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

  /// The smallest member that is not below `number`.
  std::optional<std::uint32_t> next(std::uint32_t number) const noexcept {
    // Up to the first level on which a bit is to the right of the way down to `number`, and down again from there.
    std::uint64_t at = number;
    for (std::size_t level = 0; level < levels_.size(); ++level) {
      const std::uint64_t word = at / 64;
      if (word >= levels_[level].size()) return std::nullopt;
      const std::uint64_t rest = levels_[level][word] >> (at % 64);
      if (rest != 0) {
        at += static_cast<std::uint64_t>(std::countr_zero(rest));
        for (; level > 0; --level) at = at * 64 + static_cast<std::uint64_t>(std::countr_zero(levels_[level - 1][at]));
        return static_cast<std::uint32_t>(at);
      }
      at = word + 1;
    }
    return std::nullopt;
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
