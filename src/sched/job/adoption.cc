#include <algorithm>
#include <utility>

#include "sched/job/job_scheduler.h"

// Executors that outlived an earlier driver bring along what they run. A fresh scheduler does not know the stages of
// these attempts before the program has submitted its jobs again: until then they have their slots, and nothing more.

namespace millrace::sched {

void JobScheduler::bring_along(Executor& executor, const std::vector<AttemptId>& running) {
  for (const AttemptId& attempt : running) {
    if (find_stage(attempt.stage) != nullptr) {
      add_stray(executor, attempt, "its executor came back when the job had begun without it");
      continue;
    }
    RunningAttempt brought;
    brought.attempt = attempt;
    brought.job = JobId{~std::uint32_t{0}};
    brought.started = now_;
    brought.adopted = brought.unclaimed = true;
    occupy(executor, brought);
  }
}

void JobScheduler::adopt_attempts(JobId job, Stage& stage, const std::vector<AttemptId>& running) {
  executors_.each_unclaimed([&](Executor& executor, RunningAttempt& attempt) {
    if (attempt.attempt.stage != stage.id) return;
    const std::uint32_t partition = attempt.attempt.partition.value;
    const bool same = std::find(running.begin(), running.end(), attempt.attempt) != running.end();
    const char* refusal = nullptr;
    if (!same || partition >= stage.tasks.size()) {
      refusal = "its stage is another one than when it was launched";
    } else if (stage.tasks[partition].state == TaskState::done) {
      refusal = "its task is done";
    } else if (stage.tasks[partition].live()) {
      refusal = "another attempt of the task was adopted";
    }
    if (refusal == nullptr) return adopt_attempt(job, stage, executor, attempt);
    attempt.unclaimed = false;
    actions_->push_back(KillTask{job, attempt.attempt, executor.id, refusal});
  });
}

void JobScheduler::adopt_attempt(JobId job, Stage& stage, Executor& executor, RunningAttempt& attempt) {
  const std::uint32_t partition = attempt.attempt.partition.value;
  Task& task = stage.tasks[partition];
  transition(task.state, TaskState::launched);
  transition(task.state, TaskState::running);
  task.attempt = attempt.attempt.number;
  task.next_attempt = std::max(task.next_attempt, task.attempt + 1);
  task.executor = executor.id.value;
  ++stage.live;
  stage.pending.erase(partition);
  unbind(stage, partition);
  attempt.unclaimed = false;
  attempt.job = job;
  attempt.launched_step = step_;
  attempt.started = now_;
  ++jobs_.at(job).running;
  LaunchTask adopted{job, attempt.attempt, executor.id, "it was adopted: an earlier driver of the run launched it"};
  adopted.adopted = true;
  actions_->push_back(std::move(adopted));
}

// An attempt that waits for its job keeps others out of its slot, for a while.
void JobScheduler::end_those_nobody_wants() {
  if (ready_.empty() || executors_.any_free()) return;
  executors_.each_unclaimed([this](Executor& executor, RunningAttempt& attempt) {
    if (now_.microseconds - attempt.started.microseconds < options_.unclaimed_microseconds) return;
    attempt.unclaimed = false;
    actions_->push_back(
        KillTask{attempt.job, attempt.attempt, executor.id, "no job has wanted it for a minute, and others wait"});
  });
}

}  // namespace millrace::sched
