#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exec/attempt.h"
#include "plan/job.h"
#include "sched/job/events.h"

namespace millrace::cluster {

/// One attempt that is to run, with all that its task needs to know.
struct Launch {
  JobId job;
  AttemptId attempt;
  ExecutorId executor;
  std::shared_ptr<const plan::Stage> stage;
  std::shared_ptr<const std::map<ShuffleId, std::uint32_t>> map_tasks;  ///< of every shuffle in the job
  std::shared_ptr<std::atomic<std::int64_t>> skips_left;                ///< null when bad records may not be skipped
  std::string output_directory;  ///< the attempt's own; empty when the stage writes no files
  /// Where the map outputs are that it reads; a shuffle that is not in it is all in the executor.
  std::map<ShuffleId, std::shared_ptr<const exec::MapLocations>> locations;
  exec::CachedElsewhere cached;   ///< of what it may read, what other executors have and this one has not
  std::uint64_t fingerprint = 0;  ///< of its stage, in the run's journal; 0 without one
};

/// How an attempt ended.
struct AttemptEnd {
  JobId job;
  AttemptId attempt;
  ExecutorId executor;
  bool killed = false;  ///< it was told to stop: whatever it gave does not count
  exec::TaskResult result;
  sched::TaskMetrics metrics;
  bool unclaimed = false;  ///< an earlier driver launched it, and adopt() was not called for it before it ended
};

/// What executors tell the driver. Any thread may call it, without holding a lock that Executors' functions take.
class ExecutorListener {
 public:
  virtual ~ExecutorListener() = default;
  virtual void executor_added(const sched::ExecutorAdded& added) = 0;
  /// As executor_added(), of one that an earlier driver of the run has left: `added.running` are its attempts, and
  /// `fingerprints` those of their stages. With `surplus` the run has executors enough without it: it is to end what it
  /// runs, and leaves then; the text says why.
  virtual void executor_adopted(const sched::ExecutorAdded& added,
                                const std::map<AttemptId, std::uint64_t>& fingerprints, const std::string& surplus) = 0;
  /// Its attempts are over and its outputs gone. Nothing is heard of this executor afterwards.
  virtual void executor_lost(const sched::ExecutorLost& lost) = 0;
  /// There is nobody left to run tasks, and nobody will come.
  virtual void executors_gone(const std::string& reason) = 0;
  /// Where attempts may wait (longest_queue()). Elsewhere an attempt starts when it is launched.
  virtual void attempt_started(const AttemptId& attempt, ExecutorId executor) = 0;
  virtual void attempt_ended(AttemptEnd end) = 0;
  /// Called now and then, so that what depends on time can be decided.
  virtual void time_passed() = 0;
  /// Whether anybody wants to know of attempt_started().
  virtual bool observed() const = 0;
};

/// Executors whose number can change while the run goes on. Called under the runner's lock; waits for nothing.
class ElasticExecutors {
 public:
  struct Member {
    ExecutorId id;
    bool added = false;    ///< was asked for while the run went on
    bool leaving = false;  ///< is given back
  };
  virtual ~ElasticExecutors() = default;
  virtual std::vector<Member> members() const = 0;
  /// Asked for and neither there nor refused.
  virtual std::uint32_t outstanding() const = 0;
  /// By the number of the executor: it holds cached partitions, or map outputs of datasets that the program still has.
  virtual std::vector<bool> holders() const = 0;
  virtual void ask(std::uint32_t count) = 0;
  virtual void withdraw(std::uint32_t count) = 0;
  /// Nothing runs on it, and nothing will be launched there. Answered by executor_lost() when it has left.
  virtual void give_back(ExecutorId executor, const std::string& reason) = 0;
  /// Why executors that were asked for will not come, since it was asked last; one entry for each of them.
  virtual std::vector<std::string> take_refusals() = 0;
};

/// Where attempts run: threads of this process, or other processes. Owned by the job runner, which calls it under a
/// lock of its own where nothing else is said: those functions do not wait for anything.
class Executors {
 public:
  virtual ~Executors() = default;

  /// From here on the listener is told. Once; blocks until there is somebody to run tasks. Without the runner's lock.
  virtual void start(ExecutorListener& listener) = 0;
  /// Answered by attempt_ended(), or by executor_lost() for all of an executor's attempts.
  virtual void launch(Launch launch) = 0;
  /// The attempt runs there already, told by executor_adopted(). It is answered as those that are launched here.
  virtual void adopt(Launch launch) = 0;
  /// The attempt's results are not wanted any more. It is answered all the same.
  virtual void kill(const AttemptId& attempt, ExecutorId executor) = 0;

  /// The attempt's output is that of the map task from here on.
  virtual void keep(ShuffleId shuffle, std::uint32_t map_task, ExecutorId executor, exec::Output output) = 0;
  /// Who has the output of a map task, if anybody.
  virtual std::optional<ExecutorId> holder(ShuffleId shuffle, std::uint32_t map_task) const = 0;
  /// The output turned out to be gone or broken.
  virtual void lose(ShuffleId shuffle, std::uint32_t map_task) = 0;
  virtual void drop_shuffle(ShuffleId shuffle) = 0;
  virtual void drop_cached(NodeId node) = 0;
  /// The job has ended and all of its attempts were answered.
  virtual void drop_job(JobId job) = 0;
  virtual std::uint32_t cached_partitions(NodeId node) const = 0;
  virtual std::uint64_t cached_bytes(NodeId node) const = 0;
  /// Who has a cached partition, where there is a choice of executors.
  virtual std::vector<ExecutorId> cache_holders(NodeId node, std::uint32_t partition) const = 0;

  /// Calls `visit` with the input bytes that each running attempt has used so far.
  using VisitProgress = std::function<void(const AttemptId&, ExecutorId, std::uint64_t bytes)>;
  virtual void progress(const VisitProgress& visit) const = 0;

  virtual bool shares_memory() const = 0;
  virtual bool shares_machine() const = 0;
  /// Attempts that may wait on an executor behind those that run: worth it where asking for the next one takes a
  /// message.
  virtual std::uint32_t longest_queue() const { return 0; }
  /// What an executor made is gone when it is.
  virtual bool outputs_die_with_executor() const = 0;
  /// Memory of this process, for the results on their way to the caller.
  virtual exec::Memory& memory() = 0;
  /// Runs a task in the calling thread, for a result that was lost on its way. Without the runner's lock.
  virtual exec::TaskResult run_here(exec::TaskSpec spec) = 0;
  /// True when attempts run in the thread that calls run_next() (--threads 0).
  virtual bool in_calling_thread() const = 0;
  /// Runs the next attempt in the calling thread. False when there is none. Without the runner's lock.
  virtual bool run_next() = 0;
  /// Copies of broadcast values that this process itself sent, in bytes.
  virtual std::uint64_t broadcast_bytes_sent() const { return 0; }
  /// Null when the number of executors is fixed.
  virtual ElasticExecutors* elastic() { return nullptr; }
  /// Ctrl-C: tells every attempt to stop, and waits for them as long as `patience`. Without the runner's lock.
  virtual void stop(std::chrono::milliseconds patience) = 0;
};

}  // namespace millrace::cluster
