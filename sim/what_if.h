#pragma once

#include <cstdint>
#include <string>

namespace millrace::sim {

/// A job of two stages on a cluster that need not exist: tasks that read input, then tasks that read what they
/// shuffled.
struct WhatIf {
  std::uint32_t executors = 100;
  std::uint32_t slots = 1;  ///< of each executor
  std::uint32_t tasks = 10'000;
  std::uint32_t reduce_tasks = 1'000;  ///< 0: no second stage
  double task_seconds = 10;            ///< of the median task; the longest of a thousand takes some 2.5 times as long
  double failures = 0;  ///< executors that die, in each hour of each executor; others come a minute later
  double slow = 0;      ///< share of executors that take five times as long
  bool backups = true;
  std::uint64_t seed = 1;
};

struct Forecast {
  bool succeeded = false;
  std::string reason;   ///< why the job ended
  double makespan = 0;  ///< virtual seconds
  double ideal = 0;     ///< virtual seconds: all the work, spread evenly over all the slots at their speeds
  std::uint64_t attempts = 0, backups = 0, lost_executors = 0, made_again = 0;
  std::uint64_t events = 0;
  double scheduler_seconds = 0;   ///< of the processor, in the scheduler alone
  std::uint64_t completions = 0;  ///< attempts that were answered
  double bytes_a_task = 0;        ///< of the scheduler, for each pending task
};

/// Runs the job on virtual time, with the real job scheduler.
Forecast forecast(const WhatIf& what);

}  // namespace millrace::sim
