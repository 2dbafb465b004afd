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

/// When attempts are sent to executors that have no free slot, and wait there: where the tasks of a stage take less
/// time than asking for the next one, so that many are told in one message. Only while no executor has a free slot.
struct QueueLimits {
  std::uint32_t most = 0;                   ///< attempts that wait on one executor; 0: none ever does
  double short_microseconds = 500;          ///< a stage's tasks are short when they take less
  double long_microseconds = 2000;          ///< and are short no longer when they take more
  std::int64_t queue_microseconds = 16000;  ///< what waits is not more work than this
  std::int64_t recall_microseconds =
      50000;  ///< what has waited longer is called back when another executor has a free slot
};

struct Options {
  RetryLimits retry{};
  /// What an executor made is gone when it is: true where outputs live in its memory or on its disk.
  bool outputs_die_with_executor = false;
  Sharing sharing = Sharing::fifo;
  LocalityWaits locality{};
  HealthLimits health{};
  BackupLimits backups{};
  QueueLimits queues{};
  /// How long attempts of an earlier driver that no job has taken over keep their slots while tasks wait.
  std::int64_t unclaimed_microseconds = 60'000'000;
};

}  // namespace millrace::sched
