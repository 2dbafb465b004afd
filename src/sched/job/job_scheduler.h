#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sched/job/events.h"
#include "sched/job/executors.h"
#include "sched/job/health.h"
#include "sched/job/options.h"
#include "sched/job/retry_policy.h"
#include "sched/job/stage.h"

namespace millrace::sched {

/// Tasks that are not running for the same reason.
struct PendingReason {
  JobId job;
  StageId stage;
  std::uint32_t tasks = 0;
  std::string reason;
};

/// What the scheduler is at, for people who list runs.
struct SchedulerSummary {
  std::size_t jobs = 0;
  std::string name;         ///< of the oldest job
  std::uint64_t tasks = 0;  ///< of all live jobs, without the stages that are skipped
  std::uint64_t done = 0;   ///< of these
  std::size_t running = 0;  ///< attempts
  std::size_t executors = 0;
};

/// Decides which task of which job runs where and when: the stages of a job in the order of their dependencies,
/// independent ones side by side; between jobs as Options::sharing says; the lowest partition of the lowest stage
/// first, unless a slot is nearer to the input of another.
///
/// A pure state machine: the decisions are a function of the options and of the events so far. It has no thread, clock,
/// file or randomness. Not thread-safe: its owner (driver, test or simulator) calls it from one thread at a time.
///
/// What it promises, whatever the order of the events
/// - A task is committed once, and again only after its output was reported lost while something still needed it.
/// - A result from an attempt that is not one of the task's current ones only frees the slot.
/// - No action names an executor that was lost; nothing is launched on one that drains, is set aside, or was not heard
///   of since the driver was restarted.
/// - A job ends with exactly one JobSucceeded or JobFailed; nothing is launched for it afterwards.
/// - A Tick that is answered by no action can be left out of a replay, and so can each TaskProgress: none ever is.
///
/// Where a task may run waits for the output of *all* tasks of all parent stages, unless what it reads is cached; when
/// some of that output is lost the stage pauses, its running attempts go on, and the lost tasks run again, as far back
/// in the lineage as needed. A stage may belong to several jobs at once; it then runs once, for the oldest job that
/// needs it.
class JobScheduler {
 public:
  explicit JobScheduler(Options options = {});

  /// Takes in one event and appends what has been decided, in the order in which it must be carried out.
  /// A JobSubmitted whose specification is wrong is answered by JobFailed(internal). An event about an unknown job,
  /// executor or attempt is not an error; it does nothing. `now` must not go backwards.
  void step(const Event& event, Time now, std::vector<Action>& actions);
  std::vector<Action> step(const Event& event, Time now);

  /// step() for an event of a journal. Which backups were launched then depended on progress, which a journal does not
  /// have: none is chosen here. Each one of the journal is told by replay_backup(), after the Tick that it came of.
  void replay(const Event& event, Time now, std::vector<Action>& actions);
  /// False when the task is not one that runs, or the executor has no free slot: the journal is not of this scheduler.
  bool replay_backup(const LaunchTask& backup);

  std::size_t live_jobs() const noexcept { return jobs_.size(); }
  bool live(JobId job) const { return jobs_.contains(job); }
  /// Attempts that were launched and are not answered yet.
  std::size_t running_attempts() const noexcept { return running_attempts_; }
  std::size_t running_backups() const noexcept { return running_backups_; }
  /// Attempts on one executor that are not answered yet: when it drains and has none, it can go.
  std::size_t running_attempts(ExecutorId executor) const;

  /// Why the task is not running, for people; empty when it is running, is done, or is not known.
  std::string why_pending(StageId stage, PartitionId partition) const;
  /// The same for all tasks of live jobs that nobody has skipped, those of one reason together; the oldest job first.
  std::vector<PendingReason> pending_reasons() const;

  SchedulerSummary summary() const;
  /// Tasks that would be launched now if there were more slots.
  std::uint64_t waiting_tasks() const;
  /// By the number of the executor: a live job reads, or may have to read again, what it made. Ends with the last one.
  std::vector<bool> executors_read_from() const;

 private:
  using Jobs = std::map<JobId, Job>;
  using Ready = std::map<std::pair<JobId, StageId>, Stage*>;

  // An attempt that may still become its task's output.
  struct Current {
    Stage* stage = nullptr;
    Task* task = nullptr;  // null when the attempt is a late one
    bool backup = false;
  };
  struct Choice {
    std::uint32_t partition = 0;
    ExecutorId executor;
    Locality locality = Locality::any;
  };

  // What is left of a stage when its last job has ended.
  struct Past {
    std::uint32_t next_attempt = 0;
    std::vector<bool> committed;  // one a task, or empty when none was, or when no later job can have the stage
  };

  void on(const ExecutorAdded& event);
  void on(const ExecutorLost& event);
  void on(const ExecutorDraining& event);
  void on(const DriverRestarted& event);
  void on(const ExecutorReturned& event);
  void on(const JobSubmitted& event);
  void on(const JobCancelled& event);
  void on(const TaskStarted& event);
  void on(const TaskProgress& event);
  void on(const TaskSucceeded& event);
  void on(const TaskFailed& event);
  void on(const Tick& event);

  // job_scheduler.cc: jobs.
  // What is wrong with a specification, as text; empty when nothing is.
  std::string fault_of(const JobSpec& spec) const;
  Stage& adopt(const StageSpec& spec);
  void end_job(Jobs::iterator job);
  void remember(const Stage& stage, bool may_come_again);
  void fail_job(JobId id, Cause cause, const std::string& reason);
  void fail_jobs_that_want(const Stage& stage, Cause cause, const std::string& reason);

  // executor_events.cc.
  void lose_outputs_on(ExecutorId executor);
  void drop_cached_on(ExecutorId executor);
  // Puts an attempt that the executor has and the scheduler does not know on it, to be killed.
  void add_stray(Executor& executor, const AttemptId& attempt, const char* why);
  // The executor came, went or changed whether it can be used: its tasks have places, or no longer.
  void rebind(ExecutorId executor, std::uint32_t host);
  void set_aside(Executor& executor, const std::string& reason);
  bool may_set_aside(const Executor& executor) const;
  void readmit(Executor& executor, const std::string& reason);
  void readmit_those_due();
  // Tasks must be able to run somewhere.
  void readmit_one_if_none_is_left();

  // adoption.cc: what executors bring along from an earlier life of the driver.
  void bring_along(Executor& executor, const std::vector<AttemptId>& running);
  void adopt_attempts(JobId job, Stage& stage, const std::vector<AttemptId>& running);
  void adopt_attempt(JobId job, Stage& stage, Executor& executor, RunningAttempt& attempt);
  void end_those_nobody_wants();

  // attempts.cc.
  Stage* find_stage(StageId id);
  const Stage* find_stage(StageId id) const;
  Current current(const AttemptId& attempt);
  // Takes the attempt off its executor. False when it did not run there.
  bool release(ExecutorId executor, const AttemptId& attempt, RunningAttempt& released);
  void one_less(JobId job);
  void attempt_failed(const RunningAttempt& attempt, ExecutorId executor, const TaskFailure& failure);
  void count_success(Executor& executor, const RunningAttempt& attempt, Stage& stage);
  void kill(ExecutorId executor, const AttemptId& attempt, const std::string& reason);
  void kill_attempts(Stage& stage, const std::string& reason);
  void end_backup(Stage& stage, std::uint32_t partition);
  void to_pending(Stage& stage, std::uint32_t partition, LaunchCause why, Cause cause);
  void lose_inputs(const Stage& reader, const std::vector<AttemptId>& lost, std::uint64_t launched_step);
  void lose_output(Stage& stage, std::uint32_t partition);
  void drop_cached(Stage& stage, std::uint32_t partition);
  // Where it would best run does not matter, or is not true, any more.
  void forget_places(Stage& stage, std::uint32_t partition);
  bool has_usable_place(const Stage& stage, std::uint32_t partition) const;
  void bind(Stage& stage, std::uint32_t partition);    // one that is pending now
  void unbind(Stage& stage, std::uint32_t partition);  // one that is pending no longer

  // stages.cc: brings the states of stages and jobs in line with the states of tasks.
  void settle();
  void find_wanted();
  void settle_stage(JobId member, Stage& stage);  // `member`: a job that contains it
  void start_stage(JobId job, Stage& stage);
  bool end_finished_jobs();
  void update_ready(Stage& stage);

  // launches.cc: gives tasks to free slots until there are no more of one of them.
  void assign();
  void assign_in_turn();
  void assign_fairly();
  bool launch_one(Stage& stage);
  std::optional<Choice> choose(Stage& stage);
  std::optional<Choice> choose_near(Stage& stage);
  // The lowest of the tasks for which there is an executor, wherever it is.
  std::optional<Choice> choose_anywhere(const Stage& stage, const PendingSet& among) const;
  std::optional<Choice> nearest_task(Stage& stage, const Executor& executor, Locality level);
  bool passes_time(const Stage& stage, Locality level) const;
  void widen(Stage& stage);
  // Attempts that may wait on an executor for the stage.
  std::uint32_t longest_queue(const Stage& stage) const;
  bool has_room(const Stage& stage) const;
  // Whether has_room() may be true of some stage.
  bool may_have_room() const { return executors_.any_free() || options_.queues.most > 0; }
  void learn_work(Stage& stage, std::int64_t microseconds) const;
  // Calls back attempts that wait behind others while another executor has nothing to do.
  void recall_queued();
  std::uint64_t recall_from(const Executor& executor, std::uint64_t most);
  void launch(Stage& stage, const Choice& choice);
  void occupy(Executor& executor, const RunningAttempt& attempt);
  std::string launch_reason(const Stage& stage, const Task& task, Locality locality) const;

  // backups.cc.
  struct Straggler {
    std::int64_t left = 0;  // microseconds, by its progress
    std::int64_t typical = 0;
    AttemptId attempt;
    ExecutorId executor;
  };
  std::size_t most_backups() const noexcept;
  std::vector<Straggler> find_stragglers();
  std::optional<Straggler> judge(const RunningAttempt& attempt, ExecutorId executor, std::int64_t typical) const;
  const Executor* executor_for_backup(const Straggler& straggler) const;
  void launch_backups();
  void launch_backup(Stage& stage, std::uint32_t partition, Executor& executor, std::string reason);

  // pending.cc.
  std::string why_stage_waits(const Stage& stage) const;
  std::string why_no_slot(const Stage& stage) const;
  std::string why_task_waits(const Stage& stage, std::uint32_t partition) const;

  RetryPolicy retry_;
  HealthPolicy health_;
  Options options_;
  Executors executors_;
  std::map<StageId, Stage> stages_;  // of live jobs
  std::map<StageId, Past> past_;     // of stages that are not in stages_
  Jobs jobs_;                        // live ones
  Ready ready_;                      // running stages with tasks that may be launched
  std::uint64_t step_ = 0;
  std::size_t running_attempts_ = 0;
  std::size_t running_backups_ = 0;
  std::uint32_t first_attempt_ = 0;  // number of attempts that no life of the driver has used
  std::optional<Time> next_readmission_;
  bool unsettled_ = false;  // the states of stages may be behind those of tasks
  bool choosing_backups_ = true;
  Time now_;
  std::vector<Action>* actions_ = nullptr;  // of the step under way
};

}  // namespace millrace::sched
