#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::observe {

/// How values (times, sizes) are distributed, in memory that does not grow with their number: eight bins for each power
/// of two, a few hundred bytes in all. Count, sum, least and most are exact; quantiles are within one part in sixteen.
class Distribution {
 public:
  void add(std::uint64_t value);
  void add(const Distribution& others);

  std::uint64_t count() const noexcept { return count_; }
  double sum() const noexcept { return sum_; }
  std::uint64_t least() const noexcept { return least_; }
  std::uint64_t most() const noexcept { return most_; }
  /// The value below which `share` (0 to 1) of the values lie; 0 when there are none.
  double quantile(double share) const;
  /// Largest over median: 1 is even. 0 when there is nothing to compare.
  double skew() const;
  /// How many values are below `limit`, or at most the largest: exact for powers of two; elsewhere those in the bin
  /// that `limit` is in count in part.
  double at_most(double limit) const;

  /// The counts of `bins` bins, each as wide as the others on a logarithmic axis, from least() to most(). Empty when
  /// there are no values; one bin when all are alike.
  std::vector<std::uint64_t> shape(std::size_t bins) const;

 private:
  std::vector<std::uint32_t> bins_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  std::uint64_t least_ = 0, most_ = 0;
};

}  // namespace millrace::observe
