#include "sched/job/durations.h"

#include <algorithm>
#include <bit>

namespace millrace::sched {
namespace {

// The two bits below the highest one are the fourth.
std::size_t step_of(std::uint64_t value) noexcept {
  if (value < 4) return static_cast<std::size_t>(value);
  const auto exponent = static_cast<std::size_t>(std::bit_width(value)) - 1;
  return exponent * 4 + ((value >> (exponent - 2)) & 3) - 4;
}

// The middle of what the step stands for.
std::int64_t value_of(std::size_t step) noexcept {
  if (step < 4) return static_cast<std::int64_t>(step);
  const std::size_t exponent = (step + 4) / 4;
  const std::int64_t width = std::int64_t{1} << (exponent - 2);
  return (std::int64_t{4} + static_cast<std::int64_t>(step % 4)) * width + width / 2;
}

}  // namespace

void Durations::add(std::int64_t microseconds) noexcept {
  const auto value = static_cast<std::uint64_t>(std::clamp<std::int64_t>(microseconds, 0, std::int64_t{1} << 40));
  ++counts_[std::min(step_of(value), steps - 1)];
  if (++count_ < next_median_) return;
  next_median_ = count_ + count_ / 8 + 1;
  std::uint64_t below = 0;
  std::size_t step = 0;
  while ((below += counts_[step]) * 2 < count_) ++step;
  median_ = value_of(step);
}

}  // namespace millrace::sched
