#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "sched/job/job_scheduler.h"

// What attempts answer, and what becomes of their tasks.

namespace millrace::sched {

Stage* JobScheduler::find_stage(StageId id) {
  const auto found = stages_.find(id);
  return found == stages_.end() ? nullptr : &found->second;
}

const Stage* JobScheduler::find_stage(StageId id) const {
  const auto found = stages_.find(id);
  return found == stages_.end() ? nullptr : &found->second;
}

JobScheduler::Current JobScheduler::current(const AttemptId& attempt) {
  Current found;
  found.stage = find_stage(attempt.stage);
  if (found.stage == nullptr || attempt.partition.value >= found.stage->tasks.size()) return found;
  Task& task = found.stage->tasks[attempt.partition.value];
  if (!task.live()) return found;
  if (task.attempt == attempt.number) {
    found.task = &task;
  } else if (const auto backup = found.stage->backups.find(attempt.partition.value);
             backup != found.stage->backups.end() && backup->second.attempt == attempt.number) {
    found.task = &task;
    found.backup = true;
  }
  return found;
}

void JobScheduler::one_less(JobId id) {
  const auto job = jobs_.find(id);
  if (job != jobs_.end() && job->second.running > 0) --job->second.running;
}

bool JobScheduler::release(ExecutorId id, const AttemptId& attempt, RunningAttempt& released) {
  Executor* executor = executors_.find(id);
  if (executor == nullptr || !executors_.release(*executor, attempt, released)) return false;
  --running_attempts_;
  one_less(released.job);
  return true;
}

std::size_t JobScheduler::running_attempts(ExecutorId id) const {
  const Executor* executor = executors_.find(id);
  return executor == nullptr ? 0 : executor->running.size();
}

void JobScheduler::on(const TaskStarted& event) {
  Executor* executor = executors_.find(event.executor);
  if (executor == nullptr) return;
  const auto running = std::find_if(executor->running.begin(), executor->running.end(),
                                    [&](const RunningAttempt& each) { return each.attempt == event.attempt; });
  if (running == executor->running.end()) return;
  const Current found = current(event.attempt);
  if (found.task == nullptr) return;
  if (found.backup) {
    Backup& backup = found.stage->backups.at(event.attempt.partition.value);
    if (!std::exchange(backup.started, true)) running->started = now_;
  } else if (found.task->state == TaskState::launched) {
    transition(found.task->state, TaskState::running);
    running->started = now_;
  }
}

void JobScheduler::on(const TaskProgress& event) {
  Executor* executor = executors_.find(event.executor);
  if (executor == nullptr) return;
  for (RunningAttempt& running : executor->running) {
    // Messages may overtake each other; progress does not go back.
    if (running.attempt == event.attempt) running.millionths = std::max(running.millionths, event.millionths);
  }
}

void JobScheduler::on(const TaskSucceeded& event) {
  RunningAttempt released;
  if (!release(event.executor, event.attempt, released)) return;
  const Current found = current(event.attempt);
  if (found.task == nullptr) return;
  Stage& stage = *found.stage;
  Task& task = *found.task;
  const std::uint32_t partition = event.attempt.partition.value;
  count_success(*executors_.find(event.executor), released, stage);
  if (options_.queues.most > 0) learn_work(stage, event.metrics.wall_microseconds);

  if (const auto backup = stage.backups.find(partition); backup != stage.backups.end()) {
    const std::uint32_t number = found.backup ? task.attempt : backup->second.attempt;
    const ExecutorId other{found.backup ? task.executor : backup->second.executor};
    end_backup(stage, partition);
    kill(other, {stage.id, event.attempt.partition, number}, "another attempt of the task was faster");
  }
  task.attempt = event.attempt.number;
  task.executor = event.executor.value;
  transition(task.state, TaskState::done);
  task.finished_step = step_;
  task.output_bytes = event.metrics.shuffle_bytes_written;
  --stage.live;
  ++stage.done;
  if (task.cached) --stage.cached_undone;
  const char* reason = task.committed ? "made again" : found.backup ? "its backup was first" : "first success";
  actions_->push_back(TaskCommitted{released.job, event.attempt, event.executor, !task.committed, reason});
  task.committed = true;
  // The last of the tasks that needed the parents may have been this one.
  if (stage.complete() || (stage.cached_undone > 0 && !stage.needs_parents())) unsettled_ = true;
}

void JobScheduler::count_success(Executor& executor, const RunningAttempt& attempt, Stage& stage) {
  constexpr double weight = 0.2;  // of one task in an executor's pace
  const std::int64_t took = now_.microseconds - attempt.started.microseconds;
  health_.succeeded(executor.health, now_);
  if (attempt.adopted) return;  // it took longer than this driver has seen
  if (stage.durations.median() > 0) {
    const double ratio = static_cast<double>(took) / static_cast<double>(stage.durations.median());
    executor.pace += weight * (std::min(ratio, 10.0) - executor.pace);
  }
  stage.durations.add(took);
}

void JobScheduler::on(const TaskFailed& event) {
  RunningAttempt released;
  if (release(event.executor, event.attempt, released)) attempt_failed(released, event.executor, event.failure);
}

void JobScheduler::attempt_failed(const RunningAttempt& attempt, ExecutorId where, const TaskFailure& failure) {
  const Current found = current(attempt.attempt);
  if (found.task == nullptr) {
    // What an attempt that no longer counts missed is gone all the same.
    if (found.stage != nullptr && failure.cause == Cause::lost_input) {
      lose_inputs(*found.stage, failure.lost, attempt.launched_step);
    }
    return;
  }
  Stage& stage = *found.stage;
  Task& task = *found.task;
  const std::uint32_t partition = attempt.attempt.partition.value;
  const bool lost = failure.cause == Cause::lost_node || failure.cause == Cause::lost_input;
  if (!lost) task.failed_on = where.value;

  bool elsewhere = false;
  if (Executor* executor = executors_.find(where)) {
    const auto& all = executors_.all();
    elsewhere = failure.cause == Cause::out_of_disk && std::any_of(all.begin(), all.end(), [&](const auto& each) {
                  return each.second.usable() && each.second.host != executor->host;
                });
    if (const auto why = health_.failed(executor->health, failure.cause, now_)) set_aside(*executor, *why);
  }
  const bool again = retry_.retries(failure.cause, task.history, elsewhere);
  const TaskHistory history = task.history;  // a copy: the stage may go with its job

  if (found.backup) {
    end_backup(stage, partition);
  } else if (const auto backup = stage.backups.find(partition); backup != stage.backups.end()) {
    const Backup next = backup->second;
    end_backup(stage, partition);
    task.attempt = next.attempt;
    task.executor = next.executor;
    const TaskState state = next.started ? TaskState::running : TaskState::launched;
    if (task.state != state) transition(task.state, state);
  } else {
    to_pending(stage, partition, lost ? LaunchCause::attempt_lost : LaunchCause::retry, failure.cause);
    if (!lost) forget_places(stage, partition);
  }
  if (!again) {
    fail_jobs_that_want(stage, failure.cause, retry_.verdict(failure.cause, history, failure.message));
  } else if (failure.cause == Cause::lost_input) {
    drop_cached(stage, partition);
    lose_inputs(stage, failure.lost, attempt.launched_step);
  }
}

void JobScheduler::kill(ExecutorId where, const AttemptId& attempt, const std::string& reason) {
  // An executor that is being lost has attempts that are current until it is their turn.
  const Executor* executor = executors_.find(where);
  if (executor == nullptr) return;
  for (const RunningAttempt& running : executor->running) {
    if (running.attempt == attempt) actions_->push_back(KillTask{running.job, attempt, where, reason});
  }
}

void JobScheduler::kill_attempts(Stage& stage, const std::string& reason) {
  if (stage.live == 0) return;
  for (std::uint32_t partition = 0; partition < stage.tasks.size(); ++partition) {
    const Task& task = stage.tasks[partition];
    if (!task.live()) continue;
    kill(ExecutorId{task.executor}, {stage.id, PartitionId{partition}, task.attempt}, reason);
    if (const auto backup = stage.backups.find(partition); backup != stage.backups.end()) {
      const Backup other = backup->second;
      end_backup(stage, partition);
      kill(ExecutorId{other.executor}, {stage.id, PartitionId{partition}, other.attempt}, reason);
    }
    to_pending(stage, partition, LaunchCause::killed, Cause::internal);
  }
}

void JobScheduler::end_backup(Stage& stage, std::uint32_t partition) {
  stage.backups.erase(partition);
  --running_backups_;
}

// Tasks that have to run again.

void JobScheduler::to_pending(Stage& stage, std::uint32_t partition, LaunchCause why, Cause cause) {
  Task& task = stage.tasks[partition];
  if (task.live()) {
    --stage.live;
  } else {
    --stage.done;
    if (task.cached) ++stage.cached_undone;
  }
  transition(task.state, TaskState::pending);
  task.launch_cause = why;
  task.last_cause = cause;
  stage.pending.insert(partition);
  if (!stage.places.empty()) stage.places.returned(partition);
  bind(stage, partition);
  stage.look_everywhere = true;
  update_ready(stage);
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
  ++stage.lost_outputs;
  unsettled_ = true;
}

void JobScheduler::drop_cached(Stage& stage, std::uint32_t partition) {
  Task& task = stage.tasks[partition];
  if (!task.cached) return;
  task.cached = false;
  if (task.state != TaskState::done) --stage.cached_undone;
  if (task.state == TaskState::pending) stage.cached_pending.erase(partition);
  unsettled_ = true;
}

// Where pending tasks would best run.

void JobScheduler::forget_places(Stage& stage, std::uint32_t partition) {
  if (stage.places.empty()) return;
  const bool pending = stage.pending.contains(partition);
  if (pending) unbind(stage, partition);
  stage.places.forget(partition);
  if (pending) bind(stage, partition);
}

bool JobScheduler::has_usable_place(const Stage& stage, std::uint32_t partition) const {
  const auto usable = [this](ExecutorId id) {
    const Executor* executor = executors_.find(id);
    return executor != nullptr && executor->usable();
  };
  const auto executors = stage.places.executors_of(partition);
  if (std::any_of(executors.begin(), executors.end(), usable)) return true;
  const auto hosts = stage.places.hosts_of(partition);
  return std::any_of(hosts.begin(), hosts.end(), [&](std::uint32_t host) {
    const auto& on_host = executors_.on_host(host);
    return std::any_of(on_host.begin(), on_host.end(), usable);
  });
}

void JobScheduler::bind(Stage& stage, std::uint32_t partition) {
  if (stage.tasks[partition].cached) stage.cached_pending.insert(partition);
  if (stage.places.empty()) return;
  if (has_usable_place(stage, partition)) {
    ++stage.bound;
  } else {
    stage.unbound.insert(partition);
  }
}

void JobScheduler::unbind(Stage& stage, std::uint32_t partition) {
  if (stage.tasks[partition].cached) stage.cached_pending.erase(partition);
  if (stage.places.empty()) return;
  if (stage.unbound.contains(partition)) {
    stage.unbound.erase(partition);
  } else {
    --stage.bound;
  }
}

}  // namespace millrace::sched
