#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "sched/job/events.h"
#include "sched/job/placement.h"
#include "sched/job/retry_policy.h"
#include "sched/job/stage.h"

namespace millrace::sched {

struct Options {
  RetryLimits retry;
  /// What an executor made is gone when it is: true where outputs live in its memory or on its disk.
  bool outputs_die_with_executor = false;
};

/// Decides which task of which job runs where and when: the stages of a job in the order of their dependencies,
/// independent ones side by side; jobs first come, first served; the lowest partition of the lowest stage first.
///
/// A pure state machine: the decisions are a function of the options and of the events so far. It has no thread, clock,
/// file or randomness. Not thread-safe: its owner (driver, test or simulator) calls it from one thread at a time.
///
/// What it promises, whatever the order of the events
/// - A task is committed once, and again only after its output was reported lost while something still needed it.
/// - A result from an attempt that is not the task's current one only frees the slot.
/// - No action names an executor that was lost.
/// - A job ends with exactly one JobSucceeded or JobFailed; nothing is launched for it afterwards.
///
/// Where a task may run waits for the output of *all* tasks of all parent stages; when some of it is lost the stage
/// pauses, its running attempts go on, and the lost tasks run again, as far back in the lineage as needed.
/// A stage may belong to several jobs at once; it then runs once, for the oldest job that needs it.
class JobScheduler {
 public:
  explicit JobScheduler(Options options = {});

  /// Takes in one event and appends what has been decided, in the order in which it must be carried out.
  /// A JobSubmitted whose specification is wrong is answered by JobFailed(internal). An event about an unknown job,
  /// executor or attempt is not an error; it does nothing. `now` must not go backwards.
  void step(const Event& event, Time now, std::vector<Action>& actions);
  std::vector<Action> step(const Event& event, Time now);

  std::size_t live_jobs() const noexcept { return jobs_.size(); }
  /// Attempts that were launched and are not answered yet.
  std::size_t running_attempts() const noexcept { return running_attempts_; }

 private:
  using Jobs = std::map<JobId, Job>;

  void on(const ExecutorAdded& event);
  void on(const ExecutorLost& event);
  void on(const ExecutorDraining&) {}
  void on(const DriverRestarted&) {}
  void on(const ExecutorReturned&) {}
  void on(const JobSubmitted& event);
  void on(const JobCancelled& event);
  void on(const TaskStarted& event);
  void on(const TaskProgress&) {}
  void on(const TaskSucceeded& event);
  void on(const TaskFailed& event);
  void on(const Tick&) {}

  // What is wrong with a specification, as text; empty when nothing is.
  std::string fault_of(const JobSpec& spec) const;
  Stage& adopt(const StageSpec& spec);
  void end_job(Jobs::iterator job);
  void fail_job(JobId id, Cause cause, const std::string& reason);
  void fail_jobs_that_want(const Stage& stage, Cause cause, const std::string& reason);
  void kill_attempts(const Stage& stage, const std::string& reason);

  Stage* find_stage(StageId id);
  // The task whose current attempt this is, or nothing when the attempt is a late one.
  Task* current_task(const AttemptId& attempt, Stage*& stage);
  // Takes the attempt off its executor. False when it did not run there.
  bool release(ExecutorId executor, const AttemptId& attempt, RunningAttempt& released);
  void to_pending(Stage& stage, std::uint32_t partition, LaunchCause why, Cause cause);
  void attempt_failed(const RunningAttempt& attempt, ExecutorId executor, const TaskFailure& failure);
  void lose_inputs(const Stage& reader, const std::vector<AttemptId>& lost, std::uint64_t launched_step);
  void lose_output(Stage& stage, std::uint32_t partition);

  // Brings the states of stages and jobs in line with the states of tasks.
  void settle();
  void find_wanted();
  void settle_stage(JobId member, Stage& stage);  // `member`: a job that contains it
  bool end_finished_jobs();
  void update_ready(Stage& stage);
  // Gives tasks to free slots until there are no more of one of them.
  void assign();
  void launch(Stage& stage);
  std::string launch_reason(const Task& task) const;

  RetryPolicy retry_;
  Options options_;
  Placement free_;
  std::map<ExecutorId, Executor> executors_;
  std::map<StageId, Stage> stages_;                    // of live jobs
  std::map<StageId, std::uint32_t> next_attempts_;     // of stages that were launched and are not in stages_
  Jobs jobs_;                                          // live ones
  std::map<std::pair<JobId, StageId>, Stage*> ready_;  // running stages with pending tasks
  std::uint64_t step_ = 0;
  std::size_t running_attempts_ = 0;
  bool unsettled_ = false;  // the states of stages may be behind those of tasks
  Time now_;
  std::vector<Action>* actions_ = nullptr;  // of the step under way
};

}  // namespace millrace::sched
