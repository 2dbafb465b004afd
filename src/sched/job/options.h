#pragma once

#include <cstdint>

#include "sched/job/health.h"
#include "sched/job/locality.h"
#include "sched/job/retry_policy.h"

namespace millrace::sched {

/// Between jobs that run at the same time.
enum class Sharing : std::uint8_t {
  fifo,  ///< a later job gets the slots that earlier ones leave free
  fair,  ///< the next slot goes to the job with the fewest running attempts
};

/// When a second attempt of a slow task is launched (Zaharia et al., "Improving MapReduce Performance in Heterogeneous
/// Environments", OSDI 2008): where the time that is left, by the rate of its progress, is longest.
struct BackupLimits {
  bool on = true;
  double share_of_slots = 0.2;                  ///< backups may take this much, but always two slots
  std::int64_t after_microseconds = 1'000'000;  ///< an attempt runs so long before it is judged
  double slowness = 1.5;  ///< what is left must take so much longer than the typical task, which is what a backup costs
  double slow_executor = 1.25;  ///< no backup goes where tasks take so much longer than elsewhere
};

struct Options {
  RetryLimits retry{};
  /// What an executor made is gone when it is: true where outputs live in its memory or on its disk.
  bool outputs_die_with_executor = false;
  Sharing sharing = Sharing::fifo;
  LocalityWaits locality{};
  HealthLimits health{};
  BackupLimits backups{};
};

}  // namespace millrace::sched
