#pragma once

#include <cstdint>
#include <string>

#include <millrace/error.h>

namespace millrace::sched {

/// What has gone wrong with one task so far.
struct TaskHistory {
  std::uint16_t failures = 0;           ///< attempts that failed by what they did
  std::uint16_t internal_failures = 0;  ///< of these, the ones by a defect of the engine
  std::uint16_t losses = 0;             ///< attempts that failed by what happened around them
};

struct RetryLimits {
  std::uint16_t max_attempts =
      4;  ///< of a task, counting those that failed by user_code, bad_data, out_of_memory, out_of_disk, internal
  std::uint16_t max_losses = 64;  ///< attempts of a task lost to lost_node and lost_input, which are not its fault
  bool skip_bad_records = false;  ///< an attempt that met bad data can do better the next time
};

/// Decides by cause whether a task is tried again.
class RetryPolicy {
 public:
  explicit RetryPolicy(RetryLimits limits) : limits_(limits) {}

  /// Counts the failure into `history`; true when the task may be tried again. `elsewhere`: on another machine, with
  /// another disk.
  bool retries(Cause cause, TaskHistory& history, bool elsewhere) const noexcept;

  /// The text for the user when retries() said no: `message`, and how often it was tried when it was more than once.
  std::string verdict(Cause cause, const TaskHistory& history, const std::string& message) const;

 private:
  RetryLimits limits_;
};

}  // namespace millrace::sched
