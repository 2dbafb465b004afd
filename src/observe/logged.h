#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "sched/elastic/events.h"
#include "sched/job/events.h"

// What the event log holds and every view is told: the scheduler's events and actions, and the facts about a run that
// neither of them carries. Plain values.

namespace millrace::observe {

using sched::Time;

/// The first record of a run: who ran what, where. machine.h fills it in for this process.
struct RunStarted {
  std::int64_t unix_microseconds = 0;  ///< when Time 0 was
  std::string version;                 ///< of Millrace
  std::string command;                 ///< the command line, quoted as a shell would need it
  std::string host;
  std::string processor;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
  std::map<std::string, std::string> options;  ///< effective ones: "threads" -> "2", "memory" -> "4 GiB"
};

struct InputFact {
  std::string path;
  std::uint64_t bytes = 0;
};

/// What a job is going to do, for people. Comes before or after its JobSubmitted.
struct JobPlanned {
  JobId job;
  std::string plan;  ///< explain(): lineage and stages, several lines
  std::vector<InputFact> inputs;
  std::string output;  ///< where the result goes; empty when it goes to the driver
};

/// Input bytes that the running attempts of a stage have used so far, beyond what finished ones reported: a hint for
/// progress, so that long tasks are seen to move. Like Tick it is not written to the log.
struct LiveBytes {
  JobId job;
  StageId stage;
  std::uint64_t bytes_in = 0;
};

/// The last record of a run that ended in an orderly way.
struct RunEnded {
  int status = 0;                     ///< the exit status
  std::string message;                ///< one line when it failed
  std::uint64_t broadcast_bytes = 0;  ///< of broadcast values, what the driver itself sent to executors
};

/// One record. `at` never decreases from one record to the next.
struct Logged {
  using Value =
      std::variant<sched::ExecutorAdded, sched::ExecutorLost, sched::ExecutorDraining, sched::DriverRestarted,
                   sched::ExecutorReturned, sched::JobSubmitted, sched::JobCancelled, sched::TaskStarted,
                   sched::TaskProgress, sched::TaskSucceeded, sched::TaskFailed, sched::Tick, sched::LaunchTask,
                   sched::KillTask, sched::TaskCommitted, sched::StageStarted, sched::StageFinished,
                   sched::StageSkipped, sched::ExecutorSetAside, sched::ExecutorReadmitted, sched::JobSucceeded,
                   sched::JobFailed, sched::ExecutorsAsked, sched::RequestsWithdrawn, sched::RequestsRefused,
                   RunStarted, JobPlanned, LiveBytes, RunEnded>;
  Time at;
  Value value;
};

/// The same event or action as a record.
template <class... Values>
Logged logged(Time at, std::variant<Values...> value) {
  return {at, std::visit([](auto& each) { return Logged::Value(std::move(each)); }, value)};
}

/// A view of the run. on() is called for one record at a time, in order; it must not publish.
class Observer {
 public:
  virtual ~Observer() = default;
  /// A lock that on() needs, if any: whoever calls on() takes it once for many records.
  virtual std::unique_lock<std::mutex> hold() { return {}; }
  virtual void on(const Logged& record) = 0;
};

}  // namespace millrace::observe
