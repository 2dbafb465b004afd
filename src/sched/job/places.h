#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/ids.h"
#include "sched/job/events.h"
#include "sched/job/executors.h"
#include "sched/job/pending_set.h"

namespace millrace::sched {

/// Which tasks of a stage would find their input where: the tasks of each place in order, and the places of each task.
/// Four bytes for each of either. Internal to sched/job.
class Places {
 public:
  Places() = default;
  /// Hosts get numbers from `executors`. An executor that lives stands for its host, too.
  Places(const std::vector<TaskPlace>& places, Executors& executors);

  /// No task of the stage prefers any place.
  bool empty() const noexcept { return executors_.empty() && hosts_.empty(); }
  bool name_executors() const noexcept { return !executors_.empty(); }
  bool name_hosts() const noexcept { return name_hosts_; }

  /// The lowest task that is in `among`, a subset of the pending ones, and has its input on this executor or host.
  std::optional<std::uint32_t> first_on(ExecutorId executor, const PendingSet& pending, const PendingSet& among);
  std::optional<std::uint32_t> first_on_host(std::uint32_t host, const PendingSet& pending, const PendingSet& among);
  /// Of the tasks that no executor has the input of.
  std::optional<std::uint32_t> first_nearest_on_host(std::uint32_t host, const PendingSet& pending,
                                                     const PendingSet& among);

  std::span<const std::uint32_t> tasks_on(ExecutorId executor) const;
  std::span<const std::uint32_t> tasks_on_host(std::uint32_t host) const;
  std::span<const ExecutorId> executors_of(std::uint32_t task) const;
  std::span<const std::uint32_t> hosts_of(std::uint32_t task) const;

  /// The task is pending again.
  void returned(std::uint32_t task);
  /// The task has no places from now on.
  void forget(std::uint32_t task);

 private:
  struct Tasks {
    std::vector<std::uint32_t> tasks;  // ascending
    std::size_t begin = 0;             // none before it is pending
  };

  static std::optional<std::uint32_t> first(Tasks& list, const PendingSet& pending, const PendingSet& among);
  static void rewind(Tasks& list, std::uint32_t task);

  std::map<ExecutorId, Tasks> executors_;
  std::map<std::uint32_t, Tasks> hosts_;
  std::map<std::uint32_t, Tasks> nearest_hosts_;  // of tasks without executors
  // Those of task i are from offset i up to offset i + 1.
  std::vector<std::uint32_t> executor_offsets_, host_offsets_;
  std::vector<ExecutorId> task_executors_;
  std::vector<std::uint32_t> task_hosts_;
  std::set<std::uint32_t> forgotten_;
  bool name_hosts_ = false;
};

}  // namespace millrace::sched
