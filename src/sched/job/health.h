#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <millrace/error.h>

#include "sched/job/events.h"

namespace millrace::sched {

/// What has happened on one executor lately.
struct Health {
  Time since;  ///< what is counted happened after it
  std::uint32_t failures = 0;
  std::uint32_t successes = 0;
  std::uint32_t times_aside = 0;  ///< without a success in between
};

struct HealthLimits {
  std::uint32_t failures = 4;                         ///< within the window, and more of them than successes
  std::int64_t window_microseconds = 600'000'000;     ///< what is older is forgotten
  std::int64_t first_microseconds = 60'000'000;       ///< set aside for so long at first, each time twice as long,
  std::int64_t longest_microseconds = 3'600'000'000;  ///< up to this
  double largest_share = 0.5;                         ///< of all executors may be set aside at once
  std::uint32_t executors_of_a_host = 2;              ///< set aside at once: then the rest of the host is, too
};

/// Decides by what failed on an executor whether it is to be set aside. Failures that an executor is not the cause of
/// do not count: lost input, bad data, an executor that is lost.
class HealthPolicy {
 public:
  explicit HealthPolicy(HealthLimits limits) : limits_(limits) {}

  void succeeded(Health& health, Time now) const noexcept;
  /// Counts the failure. Returns why the executor should be set aside, if it should.
  std::optional<std::string> failed(Health& health, Cause cause, Time now) const;

  /// Until when an executor is set aside that is from `now` on. Starts its counts afresh.
  Time set_aside(Health& health, Time now) const noexcept;
  const HealthLimits& limits() const noexcept { return limits_; }

 private:
  void forget(Health& health, Time now) const noexcept;

  HealthLimits limits_;
};

}  // namespace millrace::sched
