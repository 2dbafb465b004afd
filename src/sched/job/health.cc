#include "sched/job/health.h"

#include <algorithm>
#include <fmt/format.h>

namespace millrace::sched {

void HealthPolicy::forget(Health& health, Time now) const noexcept {
  if (now.microseconds - health.since.microseconds < limits_.window_microseconds) return;
  health.since = now;
  health.failures = health.successes = 0;
}

void HealthPolicy::succeeded(Health& health, Time now) const noexcept {
  forget(health, now);
  ++health.successes;
  health.times_aside = 0;
}

std::optional<std::string> HealthPolicy::failed(Health& health, Cause cause, Time now) const {
  const bool counts = cause == Cause::user_code || cause == Cause::internal || cause == Cause::out_of_memory ||
                      cause == Cause::out_of_disk;
  if (!counts) return std::nullopt;
  forget(health, now);
  ++health.failures;
  if (cause == Cause::out_of_disk) return "its disk is full";
  if (health.failures < limits_.failures || health.failures <= health.successes) return std::nullopt;
  return fmt::format("{} of its last {} attempts failed", health.failures, health.failures + health.successes);
}

Time HealthPolicy::set_aside(Health& health, Time now) const noexcept {
  std::int64_t length = limits_.first_microseconds;
  for (std::uint32_t i = 0; i < health.times_aside && length < limits_.longest_microseconds; ++i) length *= 2;
  health = Health{now, 0, 0, health.times_aside + 1};
  return Time{now.microseconds + std::min(length, limits_.longest_microseconds)};
}

}  // namespace millrace::sched
