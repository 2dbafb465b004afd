#include <algorithm>
#include <fmt/format.h>

#include "sched/job/job_scheduler.h"

// Why tasks are not running.

namespace millrace::sched {

std::string JobScheduler::why_stage_waits(const Stage& stage) const {
  if (stage.wanted_by.empty()) return "nothing that runs needs its output";
  if (stage.inputs_there) return {};
  std::string reason;
  for (const Stage* parent : stage.parents) {
    if (parent->complete()) continue;
    reason += fmt::format("{}stage {}: {} of {} tasks are done", reason.empty() ? "waits for " : ", ", parent->id,
                          parent->done, parent->tasks.size());
  }
  return reason;
}

std::string JobScheduler::why_no_slot(const Stage& stage) const {
  const auto& all = executors_.all();
  if (all.empty()) return "there is no executor";
  std::size_t aside = 0, draining = 0, unheard = 0;
  for (const auto& [id, executor] : all) {
    if (executor.draining) {
      ++draining;
    } else if (executor.unheard) {
      ++unheard;
    } else if (executor.aside_until) {
      ++aside;
    }
  }
  const std::size_t usable = all.size() - aside - draining - unheard;
  std::string reason = usable == 0 ? "no executor can be used" : fmt::format("no free slot on {} executors", usable);
  if (aside > 0) reason += fmt::format(", {} set aside", aside);
  if (draining > 0) reason += fmt::format(", {} draining", draining);
  if (unheard > 0) reason += fmt::format(", {} not heard of since the driver was restarted", unheard);
  if (options_.sharing == Sharing::fifo && !ready_.empty() && ready_.begin()->first.first < stage.wanted_by.front()) {
    reason += fmt::format("; job {} comes first", ready_.begin()->first.first);
  }
  return reason;
}

std::string JobScheduler::why_task_waits(const Stage& stage, std::uint32_t partition) const {
  const bool bound = !stage.places.empty() && !stage.unbound.contains(partition);
  if (!bound) {
    return fmt::format("waits for a free slot on another executor than {}, where it failed",
                       stage.tasks[partition].failed_on);
  }
  const std::int64_t waits[] = {options_.locality.executor_microseconds, options_.locality.host_microseconds,
                                options_.locality.rack_microseconds, 0};
  static constexpr const char* nearness[] = {"on an executor that holds its input", "on a host that holds its input",
                                             "in a rack that holds its input", "anywhere"};
  const auto level = static_cast<std::size_t>(stage.wait.level);
  const Time until{stage.wait.since.value_or(now_).microseconds + waits[level]};
  return fmt::format("waits for a free slot {} until {:.1f} s", nearness[level],
                     static_cast<double>(until.microseconds) / 1e6);
}

std::string JobScheduler::why_pending(StageId id, PartitionId partition) const {
  const Stage* stage = find_stage(id);
  if (stage == nullptr || partition.value >= stage->tasks.size()) return {};
  const Task& task = stage->tasks[partition.value];
  if (task.state != TaskState::pending) return {};
  if (!task.cached || stage->wanted_by.empty()) {
    if (std::string reason = why_stage_waits(*stage); !reason.empty()) return reason;
  }
  return executors_.any_free() ? why_task_waits(*stage, partition.value) : why_no_slot(*stage);
}

std::vector<PendingReason> JobScheduler::pending_reasons() const {
  std::vector<PendingReason> reasons;
  for (const auto& [id, stage] : stages_) {
    if (stage.wanted_by.empty() || stage.pending_count() == 0) continue;
    std::uint32_t launchable = stage.pending_count();
    if (std::string waits = why_stage_waits(stage); !waits.empty()) {
      // Those whose input is cached do not wait for the parents.
      launchable = 0;
      for (const Task& task : stage.tasks) launchable += task.cached && task.state == TaskState::pending ? 1 : 0;
      const std::uint32_t waiting = stage.pending_count() - launchable;
      if (waiting > 0) reasons.push_back({stage.wanted_by.front(), id, waiting, std::move(waits)});
    }
    if (launchable == 0) continue;
    std::string reason = executors_.any_free() ? why_task_waits(stage, stage.launchable().first()) : why_no_slot(stage);
    reasons.push_back({stage.wanted_by.front(), id, launchable, std::move(reason)});
  }
  std::stable_sort(reasons.begin(), reasons.end(),
                   [](const PendingReason& left, const PendingReason& right) { return left.job < right.job; });
  return reasons;
}

SchedulerSummary JobScheduler::summary() const {
  SchedulerSummary out;
  out.jobs = jobs_.size();
  if (!jobs_.empty()) out.name = jobs_.begin()->second.name;
  for (const auto& [id, job] : jobs_) {
    for (const Stage* stage : job.stages) {
      if (stage->state == StageState::skipped) continue;
      out.tasks += stage->tasks.size();
      out.done += stage->done;
    }
  }
  out.running = running_attempts_;
  out.executors = executors_.all().size();
  return out;
}

std::uint64_t JobScheduler::waiting_tasks() const {
  std::uint64_t waiting = 0;
  for (const auto& [key, stage] : ready_) {
    waiting += stage->inputs_there ? stage->pending_count() : std::min(stage->pending_count(), stage->cached_undone);
  }
  return waiting - std::min(waiting, executors_.free_slots());
}

std::vector<bool> JobScheduler::executors_read_from() const {
  std::vector<bool> out;
  for (const auto& [id, stage] : stages_) {
    if (stage.readers == 0) continue;
    for (const Task& task : stage.tasks) {
      if (task.state != TaskState::done || task.executor == Task::nowhere) continue;
      if (task.executor >= out.size()) out.resize(task.executor + 1);
      out[task.executor] = true;
    }
  }
  return out;
}

}  // namespace millrace::sched
