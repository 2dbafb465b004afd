#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "sched/job/events.h"
#include "sched/job/health.h"

// The executors that live, where they are, what runs on them and which of them have a free slot. Internal to sched/job.

namespace millrace::sched {

struct RunningAttempt {
  AttemptId attempt;
  JobId job;
  std::uint64_t launched_step = 0;
  Time started;                  // when it was launched, until it says that it started
  std::uint32_t millionths = 0;  // of its work, as it said last
  bool adopted = false;          // an earlier driver launched it, at a time that is not known
  bool unclaimed = false;        // no job has taken it over
};

struct Executor {
  ExecutorId id;
  std::uint32_t slots = 0;
  std::uint32_t host = 0;
  bool draining = false;
  bool unheard = false;             // since the driver was restarted
  std::optional<Time> aside_until;  // it is set aside
  Health health;
  double pace = 1;                      // how long its tasks take, over the median of their stages, of late
  std::vector<RunningAttempt> running;  // killed ones that have not answered included

  bool usable() const noexcept { return !draining && !unheard && !aside_until; }
  std::uint32_t free() const noexcept {
    return !usable() || running.size() >= slots ? 0 : slots - static_cast<std::uint32_t>(running.size());
  }
  /// Attempts that wait behind its slots; nothing when it can take none, or has a free slot.
  std::optional<std::uint32_t> queued() const noexcept {
    if (!usable() || running.size() < slots) return std::nullopt;
    return static_cast<std::uint32_t>(running.size()) - slots;
  }
};

class Executors {
 public:
  using FreeOrder = std::set<std::pair<std::uint32_t, ExecutorId>>;

  /// `queues`: attempts may wait behind the slots.
  explicit Executors(bool queues) : queues_(queues) {}

  /// Null when there is none of this number.
  Executor* find(ExecutorId id);
  const Executor* find(ExecutorId id) const;
  const std::map<ExecutorId, Executor>& all() const noexcept { return executors_; }

  /// It is not an error when it is there: its slots change.
  Executor& add(const ExecutorAdded& event);
  /// REQUIRES: it is there.
  Executor remove(ExecutorId id);
  /// Changes by which it gets or loses free slots are made inside of `change(executor)`.
  template <class Change>
  void update(Executor& executor, Change change) {
    const std::uint32_t free = executor.free();
    const auto queued = executor.queued();
    change(executor);
    moved(executor, free);
    if (queues_) queue_moved(executor, queued);
  }
  void occupy(Executor& executor, const RunningAttempt& attempt);
  /// Calls `visit(executor, attempt)` for each attempt that no job has taken over. It may take it over.
  template <class Visit>
  void each_unclaimed(Visit visit) {
    if (unclaimed_ == 0) return;
    for (auto& [id, executor] : executors_) {
      for (RunningAttempt& attempt : executor.running) {
        if (!attempt.unclaimed) continue;
        visit(executor, attempt);
        if (!attempt.unclaimed) --unclaimed_;
      }
    }
  }
  /// False when the attempt does not run there.
  bool release(Executor& executor, const AttemptId& attempt, RunningAttempt& released);

  bool any_free() const noexcept { return !free_.empty(); }
  /// Most free slots first (by their complement), the lowest number among equals.
  const FreeOrder& free() const noexcept { return free_; }
  std::uint64_t free_slots() const noexcept;
  /// The first of free() that is not `avoid`; nothing when that one alone is free and another will be some time.
  /// REQUIRES: any_free().
  std::optional<ExecutorId> best(std::uint32_t avoid) const;
  /// Whether fewer than `most` attempts wait on an executor that has no free slot.
  bool any_queue_below(std::uint32_t most) const noexcept { return !full_.empty() && full_.begin()->first < most; }
  /// The one with the fewest of them that is not `avoid`, if any.
  std::optional<ExecutorId> shortest_queue_below(std::uint32_t most, std::uint32_t avoid) const;
  std::size_t usable() const noexcept;
  std::uint64_t slots() const noexcept { return slots_; }

  /// Executors that have got a free slot since forget_offers().
  const std::vector<ExecutorId>& offers() const noexcept { return offers_; }
  void forget_offers() noexcept { offers_.clear(); }

  // Hosts and racks have dense numbers.
  std::uint32_t host_number(const std::string& name);
  const std::string& host_name(std::uint32_t host) const { return hosts_[host].name; }
  const std::set<ExecutorId>& on_host(std::uint32_t host) const { return hosts_[host].executors; }
  /// The hosts of the rack in which the host is; itself alone when that is not known.
  const std::set<std::uint32_t>& rack_of(std::uint32_t host) const;
  bool hosts_are_shared() const noexcept { return shared_hosts_ > 0; }
  bool racks_are_known() const noexcept { return racks_.size() > 1; }

 private:
  struct Host {
    std::string name;
    std::string rack;
    std::set<ExecutorId> executors;
    std::set<std::uint32_t> itself;
  };

  void moved(const Executor& executor, std::uint32_t before);
  void queue_moved(const Executor& executor, std::optional<std::uint32_t> before);
  void leave_host(const Executor& executor);
  void enter_host(Executor& executor, const ExecutorAdded& event);

  std::map<ExecutorId, Executor> executors_;
  FreeOrder free_;
  bool queues_;
  std::set<std::pair<std::uint32_t, ExecutorId>> full_;  // without a free slot, by the attempts that wait there
  std::vector<ExecutorId> offers_;
  std::vector<Host> hosts_;
  std::map<std::string, std::uint32_t> host_numbers_;
  std::map<std::string, std::set<std::uint32_t>> racks_;
  std::uint64_t slots_ = 0;
  std::size_t shared_hosts_ = 0;  // hosts with more than one executor
  std::size_t unclaimed_ = 0;     // attempts
};

}  // namespace millrace::sched
