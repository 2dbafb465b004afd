#pragma once

#include <array>
#include <cstdint>

namespace millrace::sched {

/// How long the tasks of a stage took, in steps of a fourth of a power of two, so that the median is known within a
/// fifth whatever their number.
class Durations {
 public:
  void add(std::int64_t microseconds) noexcept;
  std::uint64_t count() const noexcept { return count_; }

  /// Microseconds; 0 when nothing was added. It may be that of a moment when there were an eighth fewer.
  std::int64_t median() const noexcept { return median_; }

 private:
  static constexpr std::size_t steps = 160;

  std::array<std::uint32_t, steps> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t next_median_ = 1;  // the count at which it is looked for again
  std::int64_t median_ = 0;
};

}  // namespace millrace::sched
