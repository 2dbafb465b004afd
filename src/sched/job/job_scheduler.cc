#include "sched/job/job_scheduler.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <variant>

namespace millrace::sched {

JobScheduler::JobScheduler(Options options) : retry_(options.retry), options_(options) {}

void JobScheduler::step(const Event& event, Time now, std::vector<Action>& actions) {
  ++step_;
  now_ = now;
  actions_ = &actions;
  std::visit([this](const auto& value) { on(value); }, event);
  if (unsettled_) settle();
  assign();
  actions_ = nullptr;
}

std::vector<Action> JobScheduler::step(const Event& event, Time now) {
  std::vector<Action> actions;
  step(event, now, actions);
  return actions;
}

// Executors.

void JobScheduler::on(const ExecutorAdded& event) {
  Executor& executor = executors_[event.executor];
  const std::uint32_t before = executor.free();
  executor.slots = event.slots;
  free_.change(event.executor, before, executor.free());
}

void JobScheduler::on(const ExecutorLost& event) {
  const auto found = executors_.find(event.executor);
  if (found == executors_.end()) return;
  const Executor executor = std::move(found->second);
  free_.change(event.executor, executor.free(), 0);
  executors_.erase(found);
  running_attempts_ -= executor.running.size();

  TaskFailure failure;
  failure.cause = Cause::lost_node;
  failure.message = fmt::format("executor {} is lost: {}", event.executor, event.reason);
  for (const RunningAttempt& attempt : executor.running) attempt_failed(attempt, event.executor, failure);

  if (!options_.outputs_die_with_executor) return;
  for (auto& [id, stage] : stages_) {
    if (stage.readers == 0) continue;
    for (std::uint32_t partition = 0; partition < stage.tasks.size(); ++partition) {
      const Task& task = stage.tasks[partition];
      if (task.state == TaskState::done && task.executor == event.executor.value) lose_output(stage, partition);
    }
  }
}

// Jobs.

std::string JobScheduler::fault_of(const JobSpec& spec) const {
  if (jobs_.count(spec.id) != 0) return "a job of this number is running";
  if (spec.stages.empty()) return "it has no stages";
  std::set<StageId> known;
  for (const StageSpec& stage : spec.stages) {
    if (!stage.done.empty() && stage.done.size() != stage.tasks) {
      return fmt::format("stage {} has {} tasks and {} flags", stage.id, stage.tasks, stage.done.size());
    }
    for (const StageId parent : stage.parents) {
      if (known.count(parent) == 0) return fmt::format("stage {} comes before its parent {}", stage.id, parent);
    }
    if (!known.insert(stage.id).second) return fmt::format("stage {} is in it twice", stage.id);
    const auto live = stages_.find(stage.id);
    if (live == stages_.end()) continue;
    const auto same = [](const Stage* left, StageId right) { return left->id == right; };
    if (!std::equal(live->second.parents.begin(), live->second.parents.end(), stage.parents.begin(),
                    stage.parents.end(), same)) {
      return fmt::format("stage {} has other parents in a job that runs", stage.id);
    }
    if (live->second.tasks.size() != stage.tasks) {
      return fmt::format("stage {} has {} tasks here and {} in a job that runs", stage.id, stage.tasks,
                         live->second.tasks.size());
    }
  }
  return {};
}

Stage& JobScheduler::adopt(const StageSpec& spec) {
  const auto [entry, fresh] = stages_.try_emplace(spec.id);
  Stage& stage = entry->second;
  ++stage.users;
  for (const StageId parent : spec.parents) ++stages_.at(parent).readers;
  // What the scheduler knows of a stage that a live job has is newer than the flags of the specification.
  if (!fresh) return stage;

  stage.id = spec.id;
  stage.name = spec.name;
  stage.tasks.resize(spec.tasks);
  stage.pending = PendingSet(spec.tasks);
  for (const StageId parent : spec.parents) stage.parents.push_back(&stages_.at(parent));

  // Attempts of an earlier job may still write under their numbers.
  std::uint32_t next_attempt = 0;
  if (const auto earlier = next_attempts_.find(spec.id); earlier != next_attempts_.end()) {
    next_attempt = earlier->second;
    next_attempts_.erase(earlier);
  }
  for (std::uint32_t partition = 0; partition < spec.tasks; ++partition) {
    Task& task = stage.tasks[partition];
    task.next_attempt = next_attempt;
    if (!spec.done.empty() && spec.done[partition]) {
      task.state = TaskState::done;
      task.committed = true;
      task.finished_step = step_;
      ++stage.done;
    } else {
      stage.pending.insert(partition);
    }
  }
  return stage;
}

void JobScheduler::on(const JobSubmitted& event) {
  const JobSpec& spec = event.job;
  if (const std::string fault = fault_of(spec); !fault.empty()) {
    actions_->push_back(
        JobFailed{spec.id, Cause::internal, fmt::format("job {} cannot be scheduled: {}", spec.id, fault)});
    return;
  }
  Job& job = jobs_[spec.id];
  job.name = spec.name;
  for (const StageSpec& stage : spec.stages) job.stages.push_back(&adopt(stage));
  unsettled_ = true;
}

void JobScheduler::on(const JobCancelled& event) {
  fail_job(event.job, Cause::usage, fmt::format("cancelled: {}", event.reason));
}

void JobScheduler::end_job(Jobs::iterator job) {
  // Children before parents, so that a stage goes before those that it points to.
  auto& stages = job->second.stages;
  for (auto stage = stages.rbegin(); stage != stages.rend(); ++stage) {
    for (Stage* parent : (*stage)->parents) --parent->readers;
    if (--(*stage)->users != 0) continue;
    if ((*stage)->ready_for) ready_.erase({*(*stage)->ready_for, (*stage)->id});
    std::uint32_t next_attempt = 0;
    for (const Task& task : (*stage)->tasks) next_attempt = std::max(next_attempt, task.next_attempt);
    if (next_attempt > 0) next_attempts_[(*stage)->id] = next_attempt;
    stages_.erase((*stage)->id);
  }
  jobs_.erase(job);
  unsettled_ = true;
}

void JobScheduler::fail_job(JobId id, Cause cause, const std::string& reason) {
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) return;
  for (const Stage* stage : job->second.stages) {
    if (stage->users == 1) kill_attempts(*stage, fmt::format("job {} failed", id));
  }
  actions_->push_back(JobFailed{id, cause, reason});
  end_job(job);
}

void JobScheduler::fail_jobs_that_want(const Stage& stage, Cause cause, const std::string& reason) {
  const std::vector<JobId> jobs = stage.wanted_by;  // a copy: the stage may go with its last job
  for (const JobId job : jobs) fail_job(job, cause, reason);
}

void JobScheduler::kill_attempts(const Stage& stage, const std::string& reason) {
  for (const auto& [id, executor] : executors_) {
    for (const RunningAttempt& running : executor.running) {
      Stage* owner = nullptr;
      if (running.attempt.stage != stage.id || current_task(running.attempt, owner) == nullptr) continue;
      actions_->push_back(KillTask{running.job, running.attempt, id, reason});
      to_pending(*owner, running.attempt.partition.value, LaunchCause::killed, Cause::internal);
    }
  }
}

// Attempts.

Stage* JobScheduler::find_stage(StageId id) {
  const auto found = stages_.find(id);
  return found == stages_.end() ? nullptr : &found->second;
}

Task* JobScheduler::current_task(const AttemptId& attempt, Stage*& stage) {
  stage = find_stage(attempt.stage);
  if (stage == nullptr || attempt.partition.value >= stage->tasks.size()) return nullptr;
  Task& task = stage->tasks[attempt.partition.value];
  const bool current =
      task.attempt == attempt.number && (task.state == TaskState::launched || task.state == TaskState::running);
  return current ? &task : nullptr;
}

bool JobScheduler::release(ExecutorId id, const AttemptId& attempt, RunningAttempt& released) {
  const auto found = executors_.find(id);
  if (found == executors_.end()) return false;
  Executor& executor = found->second;
  const auto running = std::find_if(executor.running.begin(), executor.running.end(),
                                    [&](const RunningAttempt& each) { return each.attempt == attempt; });
  if (running == executor.running.end()) return false;
  released = *running;
  const std::uint32_t before = executor.free();
  *running = executor.running.back();
  executor.running.pop_back();
  --running_attempts_;
  free_.change(id, before, executor.free());
  return true;
}

void JobScheduler::to_pending(Stage& stage, std::uint32_t partition, LaunchCause why, Cause cause) {
  Task& task = stage.tasks[partition];
  transition(task.state, TaskState::pending);
  task.launch_cause = why;
  task.last_cause = cause;
  stage.pending.insert(partition);
  update_ready(stage);
}

void JobScheduler::on(const TaskStarted& event) {
  Stage* stage = nullptr;
  Task* task = current_task(event.attempt, stage);
  if (task != nullptr && task->state == TaskState::launched && task->executor == event.executor.value) {
    transition(task->state, TaskState::running);
  }
}

void JobScheduler::on(const TaskSucceeded& event) {
  RunningAttempt released;
  if (!release(event.executor, event.attempt, released)) return;
  Stage* stage = nullptr;
  Task* task = current_task(event.attempt, stage);
  if (task == nullptr) return;
  transition(task->state, TaskState::done);
  task->finished_step = step_;
  ++stage->done;
  actions_->push_back(TaskCommitted{released.job, event.attempt, event.executor, !task->committed,
                                    task->committed ? "made again" : "first success"});
  task->committed = true;
  if (stage->complete()) unsettled_ = true;
}

void JobScheduler::on(const TaskFailed& event) {
  RunningAttempt released;
  if (release(event.executor, event.attempt, released)) attempt_failed(released, event.executor, event.failure);
}

void JobScheduler::attempt_failed(const RunningAttempt& attempt, ExecutorId executor, const TaskFailure& failure) {
  Stage* stage = nullptr;
  Task* task = current_task(attempt.attempt, stage);
  if (task == nullptr) return;
  task->failed_on = executor.value;
  if (!retry_.retries(failure.cause, task->history)) {
    // The attempt is over, so it is not among those that the end of the job kills.
    const TaskHistory history = task->history;
    to_pending(*stage, attempt.attempt.partition.value, LaunchCause::retry, failure.cause);
    fail_jobs_that_want(*stage, failure.cause, retry_.verdict(failure.cause, history, failure.message));
    return;
  }
  const bool lost = failure.cause == Cause::lost_node || failure.cause == Cause::lost_input;
  to_pending(*stage, attempt.attempt.partition.value, lost ? LaunchCause::attempt_lost : LaunchCause::retry,
             failure.cause);
  if (failure.cause == Cause::lost_input) lose_inputs(*stage, failure.lost, attempt.launched_step);
}

void JobScheduler::lose_inputs(const Stage& reader, const std::vector<AttemptId>& lost, std::uint64_t launched_step) {
  for (const AttemptId& output : lost) {
    const auto parent = std::find_if(reader.parents.begin(), reader.parents.end(),
                                     [&](const Stage* each) { return each->id == output.stage; });
    if (parent == reader.parents.end() || output.partition.value >= (*parent)->tasks.size()) continue;
    const Task& task = (*parent)->tasks[output.partition.value];
    // An output that was made again after the reader began is not the one that the reader missed.
    if (task.state == TaskState::done && task.finished_step <= launched_step) {
      lose_output(**parent, output.partition.value);
    }
  }
}

void JobScheduler::lose_output(Stage& stage, std::uint32_t partition) {
  to_pending(stage, partition, LaunchCause::output_lost, Cause::lost_input);
  --stage.done;
  ++stage.lost_outputs;
  unsettled_ = true;
}

// Stages.

void JobScheduler::settle() {
  do {
    unsettled_ = false;
    find_wanted();
    for (auto& [id, job] : jobs_) {
      for (Stage* stage : job.stages) settle_stage(id, *stage);
    }
  } while (end_finished_jobs());
}

void JobScheduler::find_wanted() {
  for (auto& [id, stage] : stages_) stage.wanted_by.clear();
  const auto want = [](Stage& stage, JobId job) {
    if (stage.wanted_by.empty() || stage.wanted_by.back() != job) stage.wanted_by.push_back(job);
  };
  for (auto& [id, job] : jobs_) {
    want(*job.stages.back(), id);
    for (auto stage = job.stages.rbegin(); stage != job.stages.rend(); ++stage) {
      const bool wanted = !(*stage)->wanted_by.empty() && (*stage)->wanted_by.back() == id;
      if (!wanted || (*stage)->complete()) continue;
      for (Stage* parent : (*stage)->parents) want(*parent, id);
    }
  }
}

void JobScheduler::settle_stage(JobId member, Stage& stage) {
  const JobId job = stage.wanted_by.empty() ? member : stage.wanted_by.front();
  const StageState before = stage.state;
  const bool active = before == StageState::waiting || before == StageState::running;
  const auto count = stage.tasks.size();
  if (stage.complete()) {
    if (active) {
      transition(stage.state, StageState::finished);
      stage.lost_outputs = 0;
      actions_->push_back(StageFinished{job, stage.id, fmt::format("all {} tasks are done", count)});
    } else if (before == StageState::fresh) {
      transition(stage.state, StageState::skipped);
      actions_->push_back(StageSkipped{
          job, stage.id, count == 0 ? "it has no tasks" : fmt::format("the output of all {} tasks exists", count)});
    }
  } else if (stage.wanted_by.empty()) {
    if (active || before == StageState::fresh) {
      transition(stage.state, StageState::skipped);
      kill_attempts(stage, "its output is no longer needed");
      actions_->push_back(StageSkipped{job, stage.id, "nothing that runs needs its output"});
    }
  } else if (!stage.parents_complete()) {
    if (before != StageState::waiting) transition(stage.state, StageState::waiting);
  } else if (before != StageState::running) {
    transition(stage.state, StageState::running);
    stage.started = now_;
    const auto missing = count - stage.done;
    actions_->push_back(StageStarted{
        job, stage.id,
        stage.lost_outputs > 0  ? fmt::format("{} outputs were lost, {} tasks run again", stage.lost_outputs, missing)
        : stage.parents.empty() ? fmt::format("{} tasks read the input", missing)
                                : fmt::format("{} tasks, all input is there", missing)});
  }
  update_ready(stage);
}

bool JobScheduler::end_finished_jobs() {
  bool ended = false;
  for (auto job = jobs_.begin(); job != jobs_.end();) {
    const auto next = std::next(job);
    if (job->second.stages.back()->complete()) {
      actions_->push_back(JobSucceeded{
          job->first, fmt::format("all {} tasks of its last stage are done", job->second.stages.back()->tasks.size())});
      end_job(job);
      ended = true;
    }
    job = next;
  }
  return ended;
}

void JobScheduler::update_ready(Stage& stage) {
  std::optional<JobId> key;
  if (stage.state == StageState::running && !stage.pending.empty() && !stage.wanted_by.empty()) {
    key = stage.wanted_by.front();
  }
  if (key == stage.ready_for) return;
  if (stage.ready_for) ready_.erase({*stage.ready_for, stage.id});
  if (key) ready_.emplace(std::pair{*key, stage.id}, &stage);
  stage.ready_for = key;
}

// Launches.

void JobScheduler::assign() {
  while (!free_.empty() && !ready_.empty()) launch(*ready_.begin()->second);
}

void JobScheduler::launch(Stage& stage) {
  const std::uint32_t partition = stage.pending.first();
  Task& task = stage.tasks[partition];
  const ExecutorId id = free_.choose(
      task.failed_on == Task::no_executor ? std::nullopt : std::optional<ExecutorId>(ExecutorId{task.failed_on}));
  Executor& executor = executors_.at(id);

  transition(task.state, TaskState::launched);
  task.attempt = task.next_attempt++;
  task.executor = id.value;
  stage.pending.erase(partition);

  const RunningAttempt running{{stage.id, PartitionId{partition}, task.attempt}, stage.wanted_by.front(), step_};
  const std::uint32_t before = executor.free();
  executor.running.push_back(running);
  ++running_attempts_;
  free_.change(id, before, executor.free());
  actions_->push_back(LaunchTask{running.job, running.attempt, id, launch_reason(task)});
  update_ready(stage);
}

std::string JobScheduler::launch_reason(const Task& task) const {
  switch (task.launch_cause) {
    case LaunchCause::first:
      return "first attempt";
    case LaunchCause::retry:
      return fmt::format("attempt {} of {}: the last failed by {}", task.history.failures + 1,
                         options_.retry.max_attempts, millrace::name(task.last_cause));
    case LaunchCause::attempt_lost:
      return fmt::format("the last attempt ended by {}", millrace::name(task.last_cause));
    case LaunchCause::output_lost:
      return "its output was lost";
    case LaunchCause::killed:
      return "it was stopped when nothing needed it, and is needed again";
  }
  return {};
}

}  // namespace millrace::sched
