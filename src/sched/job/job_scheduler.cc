#include "sched/job/job_scheduler.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <variant>

namespace millrace::sched {

JobScheduler::JobScheduler(Options options)
    : retry_(options.retry), health_(options.health), options_(options), executors_(options.queues.most > 0) {}

void JobScheduler::step(const Event& event, Time now, std::vector<Action>& actions) {
  // A journal does not have progress: what is due is decided at the next event.
  if (const auto* progress = std::get_if<TaskProgress>(&event)) return on(*progress);
  ++step_;
  now_ = now;
  actions_ = &actions;
  std::visit([this](const auto& value) { on(value); }, event);
  readmit_those_due();
  if (unsettled_) settle();
  assign();
  if (choosing_backups_ && std::holds_alternative<Tick>(event)) launch_backups();
  actions_ = nullptr;
}

std::vector<Action> JobScheduler::step(const Event& event, Time now) {
  std::vector<Action> actions;
  step(event, now, actions);
  return actions;
}

void JobScheduler::replay(const Event& event, Time now, std::vector<Action>& actions) {
  choosing_backups_ = false;
  step(event, now, actions);
  choosing_backups_ = true;
}

void JobScheduler::on(const Tick&) {
  end_those_nobody_wants();
  recall_queued();
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
    if (!stage.holders.empty() && stage.holders.size() != stage.tasks) {
      return fmt::format("stage {} has {} tasks and {} holders of outputs", stage.id, stage.tasks,
                         stage.holders.size());
    }
    if (!stage.places.empty() && stage.places.size() != stage.tasks) {
      return fmt::format("stage {} has {} tasks and {} places", stage.id, stage.tasks, stage.places.size());
    }
    for (const StageId parent : stage.parents) {
      if (known.count(parent) == 0) return fmt::format("stage {} comes before its parent {}", stage.id, parent);
    }
    if (!known.insert(stage.id).second) return fmt::format("stage {} is in it twice", stage.id);
    const Stage* live = find_stage(stage.id);
    if (live == nullptr) continue;
    const auto same = [](const Stage* left, StageId right) { return left->id == right; };
    if (!std::equal(live->parents.begin(), live->parents.end(), stage.parents.begin(), stage.parents.end(), same)) {
      return fmt::format("stage {} has other parents in a job that runs", stage.id);
    }
    if (live->tasks.size() != stage.tasks) {
      return fmt::format("stage {} has {} tasks here and {} in a job that runs", stage.id, stage.tasks,
                         live->tasks.size());
    }
  }
  return {};
}

Stage& JobScheduler::adopt(const StageSpec& spec) {
  const auto [entry, fresh] = stages_.try_emplace(spec.id);
  Stage& stage = entry->second;
  ++stage.users;
  for (const StageId parent : spec.parents) ++stages_.at(parent).readers;
  // What the scheduler knows of a stage that a live job has is newer than the specification.
  if (!fresh) return stage;

  stage.id = spec.id;
  stage.name = spec.name;
  stage.tasks.resize(spec.tasks);
  stage.pending = PendingSet(spec.tasks);
  for (const StageId parent : spec.parents) stage.parents.push_back(&stages_.at(parent));
  if (!spec.places.empty()) {
    stage.places = Places(spec.places, executors_);
    stage.unbound = PendingSet(spec.tasks);
    stage.cached_pending = PendingSet(spec.tasks);
  }

  // Attempts of an earlier job may still write under their numbers; what it committed was counted then.
  Past past;
  if (const auto earlier = past_.find(spec.id); earlier != past_.end()) {
    past = std::move(earlier->second);
    past_.erase(earlier);
  }
  if (past.committed.size() != spec.tasks) past.committed.assign(spec.tasks, false);
  for (std::uint32_t partition = 0; partition < spec.tasks; ++partition) {
    Task& task = stage.tasks[partition];
    task.next_attempt = std::max(first_attempt_, past.next_attempt);
    task.committed = past.committed[partition];
    if (!spec.places.empty()) {
      const auto& executors = spec.places[partition].executors;
      task.cached = spec.places[partition].cached &&
                    std::any_of(executors.begin(), executors.end(),
                                [this](ExecutorId id) { return executors_.find(id) != nullptr; });
    }
    if (!spec.done.empty() && spec.done[partition]) {
      task.state = TaskState::done;
      task.committed = true;
      task.finished_step = step_;
      if (!spec.holders.empty()) task.executor = spec.holders[partition].value;
      ++stage.done;
    } else {
      stage.pending.insert(partition);
      if (task.cached) ++stage.cached_undone;
      bind(stage, partition);
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
  for (const StageSpec& stage : spec.stages) {
    const bool fresh = !stages_.contains(stage.id);
    job.stages.push_back(&adopt(stage));
    if (fresh) adopt_attempts(spec.id, *job.stages.back(), stage.running);
  }
  unsettled_ = true;
  // An executor that was lost between two jobs took the outputs along that the specification says it holds.
  if (!options_.outputs_die_with_executor) return;
  for (Stage* stage : job.stages) {
    if (stage->readers == 0) continue;
    for (std::uint32_t partition = 0; partition < stage->tasks.size(); ++partition) {
      const Task& task = stage->tasks[partition];
      const bool held = task.state == TaskState::done && task.executor != Task::nowhere;
      if (held && executors_.find(ExecutorId{task.executor}) == nullptr) lose_output(*stage, partition);
    }
  }
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
    remember(**stage, stage != stages.rbegin());
    running_backups_ -= (*stage)->backups.size();
    stages_.erase((*stage)->id);
  }
  jobs_.erase(job);
  unsettled_ = true;
}

void JobScheduler::remember(const Stage& stage, bool may_come_again) {
  Past past;
  for (const Task& task : stage.tasks) past.next_attempt = std::max(past.next_attempt, task.next_attempt);
  const auto committed = [](const Task& task) { return task.committed; };
  if (may_come_again && std::any_of(stage.tasks.begin(), stage.tasks.end(), committed)) {
    for (const Task& task : stage.tasks) past.committed.push_back(task.committed);
  }
  if (past.next_attempt > 0 || !past.committed.empty()) past_[stage.id] = std::move(past);
}

void JobScheduler::fail_job(JobId id, Cause cause, const std::string& reason) {
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) return;
  for (Stage* stage : job->second.stages) {
    if (stage->users == 1) kill_attempts(*stage, fmt::format("job {} failed", id));
  }
  actions_->push_back(JobFailed{id, cause, reason});
  end_job(job);
}

void JobScheduler::fail_jobs_that_want(const Stage& stage, Cause cause, const std::string& reason) {
  const std::vector<JobId> jobs = stage.wanted_by;  // a copy: the stage may go with its last job
  for (const JobId job : jobs) fail_job(job, cause, reason);
}

}  // namespace millrace::sched
