#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <tuple>

#include "sched/job/job_scheduler.h"

// Second attempts of tasks that are slow.

namespace millrace::sched {
namespace {

constexpr std::int64_t whole = 1'000'000;

// How long the attempt will have taken at its rate so far; nothing while it has not said how far it is, or began at a
// time that nobody knows.
std::optional<std::int64_t> estimated_length(const RunningAttempt& attempt, Time now) {
  if (attempt.millionths == 0 || attempt.adopted) return std::nullopt;
  const double elapsed = static_cast<double>(now.microseconds - attempt.started.microseconds);
  return static_cast<std::int64_t>(elapsed * whole / std::min<double>(attempt.millionths, whole));
}

}  // namespace

std::size_t JobScheduler::most_backups() const noexcept {
  const double share = options_.backups.share_of_slots * static_cast<double>(executors_.slots());
  return std::max<std::size_t>(2, static_cast<std::size_t>(std::ceil(share)));
}

std::optional<JobScheduler::Straggler> JobScheduler::judge(const RunningAttempt& attempt, ExecutorId executor,
                                                           std::int64_t typical) const {
  const std::int64_t elapsed = now_.microseconds - attempt.started.microseconds;
  if (typical <= 0 || elapsed < options_.backups.after_microseconds) return std::nullopt;
  Straggler straggler;
  // Of one that says nothing it is known only that it takes longer than it has taken.
  const auto length = estimated_length(attempt, now_);
  straggler.left = length ? *length - elapsed : elapsed;
  straggler.typical = typical;
  straggler.attempt = attempt.attempt;
  straggler.executor = executor;
  const auto limit = static_cast<std::int64_t>(options_.backups.slowness * static_cast<double>(typical));
  return straggler.left > limit ? std::optional(straggler) : std::nullopt;
}

std::vector<JobScheduler::Straggler> JobScheduler::find_stragglers() {
  // What is typical of a stage of which nothing has ended is known by the rates of its running attempts.
  std::map<StageId, Durations> estimates;
  for (const auto& [id, executor] : executors_.all()) {
    for (const RunningAttempt& running : executor.running) {
      const Stage* stage = find_stage(running.attempt.stage);
      const auto length = estimated_length(running, now_);
      if (stage != nullptr && stage->durations.count() == 0 && length) estimates[stage->id].add(*length);
    }
  }
  std::vector<Straggler> stragglers;
  for (const auto& [id, executor] : executors_.all()) {
    for (const RunningAttempt& running : executor.running) {
      const Current found = current(running.attempt);
      if (found.task == nullptr || found.backup || found.stage->ready_for) continue;
      // While its input is being made again a second attempt could do no more than the first.
      if (!found.stage->inputs_there && !found.task->cached) continue;
      if (found.stage->backups.contains(running.attempt.partition.value)) continue;
      const Durations& ended = found.stage->durations;
      const auto estimate = estimates.find(found.stage->id);
      std::int64_t typical = ended.median();
      if (ended.count() == 0) typical = estimate == estimates.end() ? 0 : estimate->second.median();
      if (const auto straggler = judge(running, id, typical)) stragglers.push_back(*straggler);
    }
  }
  std::sort(stragglers.begin(), stragglers.end(), [](const Straggler& left, const Straggler& right) {
    return std::tuple(-left.left, left.attempt) < std::tuple(-right.left, right.attempt);
  });
  return stragglers;
}

const Executor* JobScheduler::executor_for_backup(const Straggler& straggler) const {
  const std::uint32_t slow_host = executors_.find(straggler.executor)->host;
  const Executor* beside = nullptr;
  for (const auto& [slots, id] : executors_.free()) {
    const Executor* executor = executors_.find(id);
    if (id == straggler.executor || executor->pace > options_.backups.slow_executor) continue;
    if (executor->host != slow_host) return executor;
    if (beside == nullptr) beside = executor;
  }
  return beside;
}

void JobScheduler::launch_backups() {
  if (!options_.backups.on || !executors_.any_free() || executors_.all().size() < 2) return;
  if (running_backups_ >= most_backups()) return;
  for (const Straggler& straggler : find_stragglers()) {
    if (running_backups_ >= most_backups()) return;
    const Executor* executor = executor_for_backup(straggler);
    if (executor == nullptr) continue;
    launch_backup(stages_.at(straggler.attempt.stage), straggler.attempt.partition.value,
                  *executors_.find(executor->id),
                  fmt::format("backup: attempt {} needs {:.1f} s more at its rate, a task takes {:.1f} s",
                              straggler.attempt.number, static_cast<double>(straggler.left) / 1e6,
                              static_cast<double>(straggler.typical) / 1e6));
  }
}

void JobScheduler::launch_backup(Stage& stage, std::uint32_t partition, Executor& executor, std::string reason) {
  Task& task = stage.tasks[partition];
  RunningAttempt running;
  running.attempt = {stage.id, PartitionId{partition}, task.next_attempt++};
  running.job = stage.wanted_by.front();
  running.launched_step = step_;
  running.started = now_;
  stage.backups[partition] = {running.attempt.number, executor.id.value, false};
  ++running_backups_;
  occupy(executor, running);
  if (actions_ != nullptr) {
    actions_->push_back(LaunchTask{running.job, running.attempt, executor.id, std::move(reason), true});
  }
}

bool JobScheduler::replay_backup(const LaunchTask& backup) {
  Stage* stage = find_stage(backup.attempt.stage);
  Executor* executor = executors_.find(backup.executor);
  const std::uint32_t partition = backup.attempt.partition.value;
  if (stage == nullptr || executor == nullptr || partition >= stage->tasks.size() || stage->wanted_by.empty())
    return false;
  const Task& task = stage->tasks[partition];
  if (!task.live() || stage->backups.contains(partition) || executor->free() == 0) return false;
  if (task.next_attempt != backup.attempt.number) return false;
  launch_backup(*stage, partition, *executor, {});
  return true;
}

}  // namespace millrace::sched
