#include "sched/job/executors.h"

#include <algorithm>
#include <fmt/format.h>

namespace millrace::sched {

Executor* Executors::find(ExecutorId id) {
  const auto found = executors_.find(id);
  return found == executors_.end() ? nullptr : &found->second;
}

const Executor* Executors::find(ExecutorId id) const {
  const auto found = executors_.find(id);
  return found == executors_.end() ? nullptr : &found->second;
}

Executor& Executors::add(const ExecutorAdded& event) {
  const auto [entry, fresh] = executors_.try_emplace(event.executor);
  Executor& executor = entry->second;
  if (fresh) {
    executor.id = event.executor;
  } else {
    leave_host(executor);
  }
  enter_host(executor, event);
  slots_ += event.slots;
  slots_ -= executor.slots;
  update(executor, [&](Executor& each) { each.slots = event.slots; });
  return executor;
}

Executor Executors::remove(ExecutorId id) {
  const auto found = executors_.find(id);
  Executor executor = std::move(found->second);
  executors_.erase(found);
  for (const RunningAttempt& each : executor.running) unclaimed_ -= each.unclaimed ? 1 : 0;
  if (executor.free() > 0) free_.erase({~executor.free(), id});
  if (const auto queued = executor.queued()) full_.erase({*queued, id});
  slots_ -= executor.slots;
  leave_host(executor);
  return executor;
}

void Executors::occupy(Executor& executor, const RunningAttempt& attempt) {
  update(executor, [&](Executor& each) { each.running.push_back(attempt); });
  if (attempt.unclaimed) ++unclaimed_;
}

bool Executors::release(Executor& executor, const AttemptId& attempt, RunningAttempt& released) {
  const auto running = std::find_if(executor.running.begin(), executor.running.end(),
                                    [&](const RunningAttempt& each) { return each.attempt == attempt; });
  if (running == executor.running.end()) return false;
  released = *running;
  if (released.unclaimed) --unclaimed_;
  update(executor, [&](Executor& each) {
    *running = each.running.back();
    each.running.pop_back();
  });
  return true;
}

void Executors::moved(const Executor& executor, std::uint32_t before) {
  const std::uint32_t after = executor.free();
  if (before == after) return;
  if (after > before) offers_.push_back(executor.id);
  if (before == 0) {
    free_.insert({~after, executor.id});
  } else if (after == 0) {
    free_.erase({~before, executor.id});
  } else {
    auto node = free_.extract({~before, executor.id});
    node.value() = {~after, executor.id};
    free_.insert(std::move(node));
  }
}

std::uint64_t Executors::free_slots() const noexcept {
  std::uint64_t slots = 0;
  for (const auto& [complement, id] : free_) slots += ~complement;
  return slots;
}

std::optional<ExecutorId> Executors::best(std::uint32_t avoid) const {
  auto best = free_.begin();
  if (best->second.value != avoid) return best->second;
  if (++best != free_.end()) return best->second;
  return usable() > 1 ? std::nullopt : std::optional(ExecutorId{avoid});
}

void Executors::queue_moved(const Executor& executor, std::optional<std::uint32_t> before) {
  const auto after = executor.queued();
  if (before == after) return;
  if (before) full_.erase({*before, executor.id});
  if (after) full_.insert({*after, executor.id});
}

std::optional<ExecutorId> Executors::shortest_queue_below(std::uint32_t most, std::uint32_t avoid) const {
  for (const auto& [queued, id] : full_) {
    if (queued >= most) break;
    if (id.value != avoid) return id;
  }
  return std::nullopt;
}

std::size_t Executors::usable() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(executors_.begin(), executors_.end(), [](const auto& each) { return each.second.usable(); }));
}

std::uint32_t Executors::host_number(const std::string& name) {
  const auto [entry, fresh] = host_numbers_.try_emplace(name, static_cast<std::uint32_t>(hosts_.size()));
  if (fresh) hosts_.push_back({name, {}, {}, {entry->second}});
  return entry->second;
}

const std::set<std::uint32_t>& Executors::rack_of(std::uint32_t host) const {
  const Host& each = hosts_[host];
  return each.rack.empty() ? each.itself : racks_.at(each.rack);
}

void Executors::enter_host(Executor& executor, const ExecutorAdded& event) {
  // One whose host is not said shares it with no other.
  executor.host = host_number(event.host.empty() ? fmt::format("executor {}", event.executor) : event.host);
  Host& host = hosts_[executor.host];
  if (host.rack != event.rack) {
    if (!host.rack.empty()) racks_[host.rack].erase(executor.host);
    host.rack = event.rack;
    if (!host.rack.empty()) racks_[host.rack].insert(executor.host);
  }
  host.executors.insert(executor.id);
  if (host.executors.size() == 2) ++shared_hosts_;
}

void Executors::leave_host(const Executor& executor) {
  Host& host = hosts_[executor.host];
  if (host.executors.size() == 2) --shared_hosts_;
  host.executors.erase(executor.id);
}

}  // namespace millrace::sched
