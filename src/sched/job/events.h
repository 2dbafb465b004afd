#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include <millrace/error.h>

#include "base/ids.h"

// What the job scheduler is told (Event) and what it decides (Action). Both are plain values: the driver, a unit test
// and the simulator feed and read the same ones, and the event log stores them (docs/formats.md).
//
// What the host owes the scheduler
// - Every attempt of a LaunchTask is answered by exactly one TaskSucceeded or TaskFailed, or its executor by
// ExecutorLost.
//   An attempt that was killed is answered too, in whatever way it ended: its slot is busy until then.
// - TaskStarted and TaskProgress are hints: without them a straggler is found later.
// - A Tick from time to time, some tenths of a second apart: what waits for a time goes on at the first step after it.
// - Only TaskCommitted makes an attempt count. A TaskSucceeded that is not followed by it came too late.

namespace millrace::sched {

/// Time since the driver started. The scheduler never reads a clock: `now` comes in with every step.
struct Time {
  std::int64_t microseconds = 0;
  friend auto operator<=>(const Time&, const Time&) = default;
};

/// Stands for an executor that is not known.
inline constexpr ExecutorId no_executor{~std::uint32_t{0}};

/// Where a task would find its input near.
struct TaskPlace {
  std::vector<ExecutorId> executors;  ///< that hold it in the process: a cached partition
  std::vector<std::string> hosts;     ///< that hold it on a disk of theirs: blocks of the input file
  /// What the task reads is cached on `executors`: it needs no stage's output while one of them lives.
  bool cached = false;
};

/// One stage as the scheduler sees it: how many tasks, and after what. What a task does is none of its business.
struct StageSpec {
  StageId id;
  std::string name;  ///< the operations, as explain() prints them: "read_text > flat_map > reduce_by_key"
  std::uint32_t tasks = 0;
  std::vector<StageId> parents;       ///< stages whose output this one reads; all of them are in the same JobSpec
  std::vector<bool> done;             ///< empty, or one flag a task: its output already exists (an earlier job made it)
  std::uint64_t input_bytes = 0;      ///< 0 when unknown; for progress and time left
  std::vector<ExecutorId> holders{};  ///< empty, or for each task that is done the executor that has its output
  std::vector<TaskPlace> places{};    ///< empty, or one a task
  /// Attempts of its tasks that executors brought along (ExecutorAdded::running), of this very stage: they go on as the
  /// tasks' current ones. Others of the same number are of another stage, and are killed.
  std::vector<AttemptId> running{};
};

struct JobSpec {
  JobId id;
  std::string name;               ///< the action and its place: "write_text (job.cpp:14)"
  std::vector<StageSpec> stages;  ///< parents before children; the last one is the result stage
};

/// What one attempt used. Bytes and microseconds.
struct TaskMetrics {
  std::uint64_t records_in = 0, bytes_in = 0;
  std::uint64_t records_out = 0, bytes_out = 0;
  std::uint64_t shuffle_bytes_read = 0, shuffle_bytes_written = 0;
  std::uint64_t spills = 0, spilled_bytes = 0;
  std::uint64_t peak_memory = 0;
  std::uint64_t skipped_records = 0;
  std::int64_t wall_microseconds = 0, cpu_microseconds = 0;
  std::map<std::string, std::int64_t> counters;
};

struct TaskFailure {
  Cause cause = Cause::internal;
  std::string message;          ///< one line: what, where (function, file, byte range), what to do
  std::vector<AttemptId> lost;  ///< for lost_input: the tasks whose output must be made again (attempt number unused)
};

// Events.
struct ExecutorAdded {
  ExecutorId executor;
  std::uint32_t slots = 1;
  std::string host;
  std::string rack{};  ///< empty when racks are not known
  /// Attempts that it runs already, which an earlier driver of the run launched. Each has its slot until it is
  /// answered; it counts when a job takes it over (StageSpec::running). Empty when the executor is there already.
  std::vector<AttemptId> running{};
};
struct ExecutorLost {
  ExecutorId executor;
  std::string reason;
};
/// It is to be given back: nothing more is launched on it. What runs goes on, and its outputs stay until it is lost.
struct ExecutorDraining {
  ExecutorId executor;
  std::string reason;
};
/// The driver died and replayed its journal. Nothing is launched on an executor before it is heard of again.
struct DriverRestarted {};
/// An executor was heard of again after DriverRestarted (or a broken connection) and told which attempts it has that
/// are not answered. Those that the scheduler does not know are killed, those that the executor does not have are lost.
struct ExecutorReturned {
  ExecutorId executor;
  std::vector<AttemptId> running;
};
struct JobSubmitted {
  JobSpec job;
};
struct JobCancelled {
  JobId job;
  std::string reason;
};
struct TaskStarted {
  AttemptId attempt;
  ExecutorId executor;
};
/// How far an attempt has come, in millionths of its work.
struct TaskProgress {
  AttemptId attempt;
  ExecutorId executor;
  std::uint32_t millionths = 0;
};
struct TaskSucceeded {
  AttemptId attempt;
  ExecutorId executor;
  TaskMetrics metrics;
};
struct TaskFailed {
  AttemptId attempt;
  ExecutorId executor;
  TaskFailure failure;
  TaskMetrics metrics;
};
struct Tick {};  ///< time passed, nothing else

using Event = std::variant<ExecutorAdded, ExecutorLost, ExecutorDraining, DriverRestarted, ExecutorReturned,
                           JobSubmitted, JobCancelled, TaskStarted, TaskProgress, TaskSucceeded, TaskFailed, Tick>;

// Actions. `reason` says why, in words for the user.
struct LaunchTask {
  JobId job;
  AttemptId attempt;
  ExecutorId executor;
  std::string reason;
  bool backup = false;   ///< another attempt of the task runs, and is slow
  bool adopted = false;  ///< it runs there already: there is nothing to launch, but from here on it is the task's
};
struct KillTask {
  JobId job;
  AttemptId attempt;
  ExecutorId executor;
  std::string reason;
};
struct StageStarted {
  JobId job;
  StageId stage;
  std::string reason;
};
struct StageFinished {
  JobId job;
  StageId stage;
  std::string reason;
};
struct StageSkipped {
  JobId job;
  StageId stage;
  std::string reason;
};
/// The attempt is the one whose output, counters and accumulators count; its output may be renamed into place.
/// `first` is false when an output that was lost has been made again: its counters were added already.
struct TaskCommitted {
  JobId job;
  AttemptId attempt;
  ExecutorId executor;
  bool first = true;
  std::string reason;
};
/// Nothing is launched on the executor until then: too much has failed on it.
struct ExecutorSetAside {
  ExecutorId executor;
  Time until;
  std::string reason;
};
struct ExecutorReadmitted {
  ExecutorId executor;
  std::string reason;
};
struct JobSucceeded {
  JobId job;
  std::string reason;
};
struct JobFailed {
  JobId job;
  Cause cause = Cause::internal;
  std::string reason;
};

using Action = std::variant<LaunchTask, KillTask, TaskCommitted, StageStarted, StageFinished, StageSkipped,
                            ExecutorSetAside, ExecutorReadmitted, JobSucceeded, JobFailed>;

}  // namespace millrace::sched
