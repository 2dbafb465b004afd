#include "sched/job/retry_policy.h"

#include <fmt/format.h>

namespace millrace::sched {

bool RetryPolicy::retries(Cause cause, TaskHistory& history, bool elsewhere) const noexcept {
  switch (cause) {
    case Cause::lost_node:
    case Cause::lost_input:
      ++history.losses;
      return history.losses < limits_.max_losses;
    case Cause::out_of_disk:
      ++history.failures;
      return elsewhere && history.failures < limits_.max_attempts;
    case Cause::input:
    case Cause::output:
    case Cause::usage:
      ++history.failures;
      return false;
    case Cause::bad_data:
      ++history.failures;
      return limits_.skip_bad_records && history.failures < limits_.max_attempts;
    case Cause::internal:
      ++history.failures;
      ++history.internal_failures;
      return history.internal_failures < 2 && history.failures < limits_.max_attempts;
    case Cause::user_code:
    case Cause::out_of_memory:
      ++history.failures;
      return history.failures < limits_.max_attempts;
  }
  return false;
}

std::string RetryPolicy::verdict(Cause cause, const TaskHistory& history, const std::string& message) const {
  const bool loss = cause == Cause::lost_node || cause == Cause::lost_input;
  const int times = loss ? history.losses : history.failures;
  return times > 1 ? fmt::format("{} ({} {} times)", message, loss ? "lost" : "failed", times) : message;
}

}  // namespace millrace::sched
