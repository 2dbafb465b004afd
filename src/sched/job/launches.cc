#include <fmt/format.h>

#include "sched/job/job_scheduler.h"

// Which task is given to which free slot.

namespace millrace::sched {

void JobScheduler::assign() {
  if (may_have_room() && !ready_.empty()) {
    if (options_.sharing == Sharing::fair) {
      assign_fairly();
    } else {
      assign_in_turn();
    }
  }
  executors_.forget_offers();
}

void JobScheduler::assign_in_turn() {
  for (auto next = ready_.begin(); next != ready_.end() && may_have_room();) {
    const auto key = next->first;  // of an entry that goes with the stage's last pending task
    Stage& stage = *next->second;
    while (stage.ready_for && has_room(stage) && launch_one(stage)) {
    }
    next = ready_.upper_bound(key);
  }
}

void JobScheduler::assign_fairly() {
  for (;;) {
    Stage* best = nullptr;
    std::uint64_t fewest = 0;
    for (const auto& [key, stage] : ready_) {
      const std::uint64_t running = jobs_.at(key.first).running;
      if (stage->exhausted_step == step_ || !has_room(*stage) || (best != nullptr && running >= fewest)) continue;
      best = stage;
      fewest = running;
    }
    if (best == nullptr) return;
    launch_one(*best);
  }
}

bool JobScheduler::launch_one(Stage& stage) {
  const std::optional<Choice> choice = choose(stage);
  if (choice) {
    launch(stage, *choice);
  } else {
    stage.exhausted_step = step_;
  }
  return choice.has_value();
}

std::optional<JobScheduler::Choice> JobScheduler::choose(Stage& stage) {
  if (!stage.places.empty()) return choose_near(stage);
  std::optional<Choice> choice = choose_anywhere(stage, stage.launchable());
  if (choice && stage.near != Task::nowhere && stage.near != stage.tasks[choice->partition].failed_on) {
    const Executor* near = executors_.find(ExecutorId{stage.near});
    if (near != nullptr && near->free() > 0) return Choice{choice->partition, near->id, Locality::executor};
  }
  return choice;
}

std::optional<JobScheduler::Choice> JobScheduler::choose_anywhere(const Stage& stage, const PendingSet& among) const {
  const std::uint32_t queue = longest_queue(stage);
  for (auto task = among.next(0); task; task = among.next(*task + 1)) {
    const std::uint32_t avoid = stage.tasks[*task].failed_on;
    const auto executor =
        executors_.any_free() ? executors_.best(avoid) : executors_.shortest_queue_below(queue, avoid);
    if (executor) return Choice{*task, *executor, Locality::any};
  }
  return std::nullopt;
}

// Levels that keep no more tasks waiting than the one before are passed at once.
bool JobScheduler::passes_time(const Stage& stage, Locality level) const {
  switch (level) {
    case Locality::executor:
      return stage.places.name_executors();
    case Locality::host:
      return stage.places.name_hosts() || executors_.hosts_are_shared();
    case Locality::rack:
      return executors_.racks_are_known();
    case Locality::any:
      return false;
  }
  return false;
}

void JobScheduler::widen(Stage& stage) {
  const std::int64_t waits[] = {options_.locality.executor_microseconds, options_.locality.host_microseconds,
                                options_.locality.rack_microseconds};
  while (stage.wait.level != Locality::any) {
    const auto level = static_cast<std::size_t>(stage.wait.level);
    if (passes_time(stage, stage.wait.level)) {
      if (!stage.wait.since || now_.microseconds - stage.wait.since->microseconds < waits[level]) return;
      stage.wait.since->microseconds += waits[level];
    }
    stage.wait.level = static_cast<Locality>(level + 1);
    stage.look_everywhere = true;
  }
}

std::optional<JobScheduler::Choice> JobScheduler::choose_near(Stage& stage) {
  widen(stage);
  Search& search = stage.search;
  if (search.step != step_ || stage.look_everywhere) {
    search.step = step_;
    search.next = 0;
    search.level = Locality::executor;
    search.executors.clear();
    if (stage.look_everywhere) {
      for (const auto& [slots, id] : executors_.free()) search.executors.push_back(id);
    } else {
      search.executors = executors_.offers();
    }
    stage.look_everywhere = false;
  }
  // Within a step tasks and slots only become fewer: what was looked at before need not be looked at again.
  while (search.level <= stage.wait.level && search.level != Locality::any) {
    for (; search.next < search.executors.size(); ++search.next) {
      const ExecutorId id = search.executors[search.next];
      const Executor* executor = executors_.find(id);
      if (executor == nullptr || executor->free() == 0) continue;
      if (const auto choice = nearest_task(stage, *executor, search.level)) return choice;
    }
    search.next = 0;
    search.level = static_cast<Locality>(static_cast<std::size_t>(search.level) + 1);
  }
  if (stage.inputs_there && !stage.unbound.empty()) {
    if (const auto choice = choose_anywhere(stage, stage.unbound)) return choice;
  }
  if (stage.wait.level == Locality::any) {
    if (const auto choice = choose_anywhere(stage, stage.launchable())) return choice;
  }
  if (!stage.wait.since) stage.wait.since = now_;
  return std::nullopt;
}

std::optional<JobScheduler::Choice> JobScheduler::nearest_task(Stage& stage, const Executor& executor, Locality level) {
  const PendingSet& among = stage.launchable();
  const auto on_host = [&](std::uint32_t host) { return stage.places.first_on_host(host, stage.pending, among); };
  std::optional<std::uint32_t> task;
  Locality locality = level;
  if (level == Locality::executor) {
    task = stage.places.first_on(executor.id, stage.pending, among);
    if (!task) {
      // For a task that knows only hosts nothing is nearer than one of them.
      task = stage.places.first_nearest_on_host(executor.host, stage.pending, among);
      locality = Locality::host;
    }
  } else if (level == Locality::host) {
    task = on_host(executor.host);
  } else {
    for (const std::uint32_t neighbour : executors_.rack_of(executor.host)) {
      if (!task) task = on_host(neighbour);
    }
  }
  return task ? std::optional(Choice{*task, executor.id, locality}) : std::nullopt;
}

std::uint32_t JobScheduler::longest_queue(const Stage& stage) const {
  if (!stage.short_tasks) return 0;
  const double fit = static_cast<double>(options_.queues.queue_microseconds) / std::max(stage.work, 1.0);
  return fit >= options_.queues.most ? options_.queues.most : static_cast<std::uint32_t>(fit);
}

bool JobScheduler::has_room(const Stage& stage) const {
  return executors_.any_free() || executors_.any_queue_below(longest_queue(stage));
}

void JobScheduler::learn_work(Stage& stage, std::int64_t microseconds) const {
  constexpr double weight = 0.1;
  const auto took = static_cast<double>(microseconds);
  stage.work = stage.durations.count() == 1 ? took : (1 - weight) * stage.work + weight * took;
  stage.short_tasks =
      stage.work < (stage.short_tasks ? options_.queues.long_microseconds : options_.queues.short_microseconds);
}

void JobScheduler::recall_queued() {
  if (options_.queues.most == 0 || !ready_.empty() || !executors_.any_free()) return;
  std::uint64_t slots = executors_.free_slots();
  for (const auto& [id, executor] : executors_.all()) {
    const std::uint64_t most = std::min<std::uint64_t>(executor.queued().value_or(0), slots);
    if (most > 0) slots -= recall_from(executor, most);
  }
}

// Those that came last wait behind the others. Returns how many were called back.
std::uint64_t JobScheduler::recall_from(const Executor& executor, std::uint64_t most) {
  std::uint64_t recalled = 0;
  for (auto running = executor.running.rbegin(); running != executor.running.rend() && recalled < most; ++running) {
    const Current found = current(running->attempt);
    if (found.task == nullptr || found.task->state != TaskState::launched) continue;
    if (found.stage->backups.contains(running->attempt.partition.value)) continue;  // it runs elsewhere already
    if (now_.microseconds - running->started.microseconds < options_.queues.recall_microseconds) continue;
    kill(executor.id, running->attempt, "it waits behind others, and another executor has a free slot");
    to_pending(*found.stage, running->attempt.partition.value, LaunchCause::recalled, Cause::internal);
    ++recalled;
  }
  return recalled;
}

void JobScheduler::launch(Stage& stage, const Choice& choice) {
  Task& task = stage.tasks[choice.partition];
  transition(task.state, TaskState::launched);
  task.attempt = task.next_attempt++;
  task.executor = choice.executor.value;
  ++stage.live;
  const bool bound = !stage.places.empty() && !stage.unbound.contains(choice.partition);
  if (bound) stage.wait = {choice.locality, std::nullopt};
  stage.pending.erase(choice.partition);
  unbind(stage, choice.partition);

  RunningAttempt running;
  running.attempt = {stage.id, PartitionId{choice.partition}, task.attempt};
  running.job = stage.wanted_by.front();
  running.launched_step = step_;
  running.started = now_;
  occupy(*executors_.find(choice.executor), running);
  actions_->push_back(
      LaunchTask{running.job, running.attempt, choice.executor, launch_reason(stage, task, choice.locality), false});
  update_ready(stage);
}

void JobScheduler::occupy(Executor& executor, const RunningAttempt& attempt) {
  executors_.occupy(executor, attempt);
  ++running_attempts_;
  if (const auto job = jobs_.find(attempt.job); job != jobs_.end()) ++job->second.running;
}

std::string JobScheduler::launch_reason(const Stage& stage, const Task& task, Locality locality) const {
  std::string reason;
  switch (task.launch_cause) {
    case LaunchCause::first:
      reason = "first attempt";
      break;
    case LaunchCause::retry:
      reason = fmt::format("attempt {} of {}: the last failed by {}", task.history.failures + 1,
                           options_.retry.max_attempts, millrace::name(task.last_cause));
      break;
    case LaunchCause::attempt_lost:
      reason = fmt::format("the last attempt ended by {}", millrace::name(task.last_cause));
      break;
    case LaunchCause::output_lost:
      reason = "its output was lost";
      break;
    case LaunchCause::killed:
      reason = "it was stopped when nothing needed it, and is needed again";
      break;
    case LaunchCause::recalled:
      reason = "it waited behind others on another executor";
      break;
  }
  if (stage.places.empty() && locality == Locality::any) return reason;
  static constexpr const char* where[] = {"; its input is on this executor", "; its input is on this host",
                                          "; its input is in this rack", ""};
  return reason + where[static_cast<std::size_t>(locality)];
}

}  // namespace millrace::sched
