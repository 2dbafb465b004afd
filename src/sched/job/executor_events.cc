#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <span>
#include <utility>

#include "sched/job/job_scheduler.h"

// What executors do and what becomes of their tasks and outputs.

namespace millrace::sched {

void JobScheduler::on(const ExecutorAdded& event) {
  Executor& executor = executors_.add(event);
  executor.health.since = now_;
  bring_along(executor, event.running);
  rebind(executor.id, executor.host);
}

void JobScheduler::on(const ExecutorLost& event) {
  if (executors_.find(event.executor) == nullptr) return;
  const Executor executor = executors_.remove(event.executor);
  running_attempts_ -= executor.running.size();
  for (const RunningAttempt& attempt : executor.running) one_less(attempt.job);
  drop_cached_on(event.executor);
  rebind(event.executor, executor.host);

  TaskFailure failure;
  failure.cause = Cause::lost_node;
  failure.message = fmt::format("executor {} is lost: {}", event.executor, event.reason);
  for (const RunningAttempt& attempt : executor.running) attempt_failed(attempt, event.executor, failure);

  if (options_.outputs_die_with_executor) lose_outputs_on(event.executor);
  readmit_one_if_none_is_left();
}

void JobScheduler::lose_outputs_on(ExecutorId executor) {
  for (auto& [id, stage] : stages_) {
    if (stage.readers == 0) continue;
    for (std::uint32_t partition = 0; partition < stage.tasks.size(); ++partition) {
      const Task& task = stage.tasks[partition];
      if (task.state == TaskState::done && task.executor == executor.value) lose_output(stage, partition);
    }
  }
}

void JobScheduler::drop_cached_on(ExecutorId executor) {
  for (auto& [id, stage] : stages_) {
    const auto there = stage.places.tasks_on(executor);
    for (const std::uint32_t partition : std::vector(there.begin(), there.end())) {
      const auto holders = stage.places.executors_of(partition);
      const bool held = std::any_of(holders.begin(), holders.end(),
                                    [this](ExecutorId each) { return executors_.find(each) != nullptr; });
      if (held) continue;
      // Its host stood for the executor, and has nothing of it any more: there is nothing to wait for.
      forget_places(stage, partition);
      drop_cached(stage, partition);
    }
  }
}

void JobScheduler::on(const ExecutorDraining& event) {
  Executor* executor = executors_.find(event.executor);
  if (executor == nullptr || executor->draining) return;
  executors_.update(*executor, [](Executor& each) { each.draining = true; });
  rebind(executor->id, executor->host);
  readmit_one_if_none_is_left();
}

void JobScheduler::on(const DriverRestarted&) {
  // What was launched and not written down may still run under numbers that are not known here.
  constexpr std::uint32_t numbers_of_a_life = 1u << 16;
  first_attempt_ += numbers_of_a_life;
  for (auto& [id, stage] : stages_) {
    for (Task& task : stage.tasks) task.next_attempt = std::max(task.next_attempt, first_attempt_);
  }
  for (const auto& [id, each] : executors_.all()) {
    executors_.update(*executors_.find(id), [](Executor& executor) { executor.unheard = true; });
  }
}

void JobScheduler::on(const ExecutorReturned& event) {
  Executor* executor = executors_.find(event.executor);
  if (executor == nullptr) return;
  executors_.update(*executor, [](Executor& each) { each.unheard = false; });
  rebind(executor->id, executor->host);

  std::set<AttemptId> there(event.running.begin(), event.running.end());
  std::vector<RunningAttempt> gone;
  for (const RunningAttempt& known : std::vector(executor->running)) {
    RunningAttempt released;
    if (there.erase(known.attempt) != 0 || !release(event.executor, known.attempt, released)) continue;
    gone.push_back(released);
  }
  for (const AttemptId& unknown : there) {
    add_stray(*executor, unknown, "the driver that launched it died before it had written that down");
  }
  TaskFailure failure;
  failure.cause = Cause::lost_node;
  failure.message = fmt::format("executor {} came back without the attempt", event.executor);
  for (const RunningAttempt& attempt : gone) attempt_failed(attempt, event.executor, failure);
}

void JobScheduler::add_stray(Executor& executor, const AttemptId& attempt, const char* why) {
  Stage* stage = find_stage(attempt.stage);
  JobId job{~std::uint32_t{0}};
  if (stage != nullptr && !stage->wanted_by.empty()) job = stage->wanted_by.front();
  if (stage != nullptr && attempt.partition.value < stage->tasks.size()) {
    Task& task = stage->tasks[attempt.partition.value];
    task.next_attempt = std::max(task.next_attempt, attempt.number + 1);
  }
  RunningAttempt stray;
  stray.attempt = attempt;
  stray.job = job;
  stray.launched_step = 0;  // nothing is known of when it began, so what it misses may have been made again
  stray.started = now_;
  occupy(executor, stray);
  actions_->push_back(KillTask{job, attempt, executor.id, why});
}

void JobScheduler::rebind(ExecutorId executor, std::uint32_t host) {
  const auto again = [this](Stage& stage, std::span<const std::uint32_t> tasks) {
    for (const std::uint32_t partition : tasks) {
      if (!stage.pending.contains(partition)) continue;
      unbind(stage, partition);
      bind(stage, partition);
    }
  };
  for (auto& [id, stage] : stages_) {
    if (stage.places.empty()) continue;
    again(stage, stage.places.tasks_on(executor));
    again(stage, stage.places.tasks_on_host(host));
    stage.look_everywhere = true;
  }
}

// Setting aside.

bool JobScheduler::may_set_aside(const Executor& executor) const {
  if (executor.aside_until || !executor.usable()) return false;
  const std::size_t all = executors_.all().size();
  const auto aside = std::count_if(executors_.all().begin(), executors_.all().end(),
                                   [](const auto& each) { return each.second.aside_until.has_value(); });
  return executors_.usable() > 1 &&
         static_cast<double>(aside + 1) <= options_.health.largest_share * static_cast<double>(all);
}

void JobScheduler::set_aside(Executor& executor, const std::string& reason) {
  if (!may_set_aside(executor)) return;
  const Time until = health_.set_aside(executor.health, now_);
  executors_.update(executor, [&](Executor& each) { each.aside_until = until; });
  if (!next_readmission_ || until < *next_readmission_) next_readmission_ = until;
  actions_->push_back(ExecutorSetAside{executor.id, until, reason});
  rebind(executor.id, executor.host);

  const auto& neighbours = executors_.on_host(executor.host);
  const auto aside = std::count_if(neighbours.begin(), neighbours.end(),
                                   [this](ExecutorId id) { return executors_.find(id)->aside_until.has_value(); });
  if (aside != options_.health.executors_of_a_host) return;
  for (const ExecutorId id : neighbours) {
    set_aside(*executors_.find(id),
              fmt::format("{} executors of host {} are set aside", aside, executors_.host_name(executor.host)));
  }
}

void JobScheduler::readmit(Executor& executor, const std::string& reason) {
  executors_.update(executor, [](Executor& each) { each.aside_until.reset(); });
  actions_->push_back(ExecutorReadmitted{executor.id, reason});
  rebind(executor.id, executor.host);
}

void JobScheduler::readmit_those_due() {
  if (!next_readmission_ || now_ < *next_readmission_) return;
  next_readmission_.reset();
  for (const auto& [id, each] : executors_.all()) {
    if (!each.aside_until) continue;
    if (now_ >= *each.aside_until) {
      readmit(*executors_.find(id), "it was set aside for long enough, and is tried again");
    } else if (!next_readmission_ || *each.aside_until < *next_readmission_) {
      next_readmission_ = each.aside_until;
    }
  }
}

void JobScheduler::readmit_one_if_none_is_left() {
  const Executor* soonest = nullptr;
  for (const auto& [id, each] : executors_.all()) {
    if (each.usable()) return;
    const bool aside = each.aside_until && !each.draining && !each.unheard;
    if (aside && (soonest == nullptr || *each.aside_until < *soonest->aside_until)) soonest = &each;
  }
  if (soonest != nullptr) readmit(*executors_.find(soonest->id), "no other executor is left");
}

}  // namespace millrace::sched
