#include "sched/job/places.h"

#include <algorithm>
#include <set>

namespace millrace::sched {

Places::Places(const std::vector<TaskPlace>& places, Executors& executors) {
  for (std::uint32_t task = 0; task < places.size(); ++task) {
    const TaskPlace& place = places[task];
    executor_offsets_.push_back(static_cast<std::uint32_t>(task_executors_.size()));
    host_offsets_.push_back(static_cast<std::uint32_t>(task_hosts_.size()));
    std::set<std::uint32_t> hosts;
    std::set<ExecutorId> here(place.executors.begin(), place.executors.end());
    for (const ExecutorId id : here) {
      task_executors_.push_back(id);
      executors_[id].tasks.push_back(task);
      if (const Executor* executor = executors.find(id)) hosts.insert(executor->host);
    }
    for (const std::string& name : place.hosts) {
      hosts.insert(executors.host_number(name));
      name_hosts_ = true;
    }
    for (const std::uint32_t host : hosts) {
      task_hosts_.push_back(host);
      hosts_[host].tasks.push_back(task);
      if (here.empty()) nearest_hosts_[host].tasks.push_back(task);
    }
  }
  executor_offsets_.push_back(static_cast<std::uint32_t>(task_executors_.size()));
  host_offsets_.push_back(static_cast<std::uint32_t>(task_hosts_.size()));
}

std::optional<std::uint32_t> Places::first(Tasks& list, const PendingSet& pending, const PendingSet& among) {
  for (std::size_t at = list.begin; at < list.tasks.size(); ++at) {
    if (!pending.contains(list.tasks[at])) {
      if (at == list.begin) ++list.begin;
    } else if (among.contains(list.tasks[at])) {
      return list.tasks[at];
    }
  }
  return std::nullopt;
}

std::optional<std::uint32_t> Places::first_on(ExecutorId executor, const PendingSet& pending, const PendingSet& among) {
  const auto found = executors_.find(executor);
  return found == executors_.end() ? std::nullopt : first(found->second, pending, among);
}

std::optional<std::uint32_t> Places::first_on_host(std::uint32_t host, const PendingSet& pending,
                                                   const PendingSet& among) {
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? std::nullopt : first(found->second, pending, among);
}

std::optional<std::uint32_t> Places::first_nearest_on_host(std::uint32_t host, const PendingSet& pending,
                                                           const PendingSet& among) {
  const auto found = nearest_hosts_.find(host);
  return found == nearest_hosts_.end() ? std::nullopt : first(found->second, pending, among);
}

std::span<const std::uint32_t> Places::tasks_on(ExecutorId executor) const {
  const auto found = executors_.find(executor);
  return found == executors_.end() ? std::span<const std::uint32_t>() : found->second.tasks;
}

std::span<const std::uint32_t> Places::tasks_on_host(std::uint32_t host) const {
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? std::span<const std::uint32_t>() : found->second.tasks;
}

std::span<const ExecutorId> Places::executors_of(std::uint32_t task) const {
  if (task + 1 >= executor_offsets_.size() || forgotten_.contains(task)) return {};
  return std::span(task_executors_)
      .subspan(executor_offsets_[task], executor_offsets_[task + 1] - executor_offsets_[task]);
}

std::span<const std::uint32_t> Places::hosts_of(std::uint32_t task) const {
  if (task + 1 >= host_offsets_.size() || forgotten_.contains(task)) return {};
  return std::span(task_hosts_).subspan(host_offsets_[task], host_offsets_[task + 1] - host_offsets_[task]);
}

void Places::rewind(Tasks& list, std::uint32_t task) {
  const auto at = std::lower_bound(list.tasks.begin(), list.tasks.end(), task) - list.tasks.begin();
  list.begin = std::min(list.begin, static_cast<std::size_t>(at));
}

void Places::returned(std::uint32_t task) {
  for (const ExecutorId executor : executors_of(task)) rewind(executors_.at(executor), task);
  for (const std::uint32_t host : hosts_of(task)) {
    rewind(hosts_.at(host), task);
    if (executors_of(task).empty()) rewind(nearest_hosts_.at(host), task);
  }
}

void Places::forget(std::uint32_t task) {
  const auto remove = [&](Tasks& list) {
    const auto at = std::lower_bound(list.tasks.begin(), list.tasks.end(), task);
    if (static_cast<std::size_t>(at - list.tasks.begin()) < list.begin) --list.begin;
    list.tasks.erase(at);
  };
  for (const ExecutorId executor : executors_of(task)) remove(executors_.at(executor));
  for (const std::uint32_t host : hosts_of(task)) {
    remove(hosts_.at(host));
    if (executors_of(task).empty()) remove(nearest_hosts_.at(host));
  }
  forgotten_.insert(task);
}

}  // namespace millrace::sched
