#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sched/job/events.h"
#include "sched/job/job_scheduler.h"
#include "sim/scenario.h"

namespace millrace::sim {

using TaskKey = std::pair<StageId, PartitionId>;

inline TaskKey key(const AttemptId& attempt) { return {attempt.stage, attempt.partition}; }

/// Keeps its own account of what the driver was told, and holds every decision against it.
class Checks {
 public:
  explicit Checks(const Scenario& scenario) : scenario_(scenario) {}

  /// Before the step.
  void take(const sched::Event& event);
  /// For each action of the step.
  void take(const sched::Action& action);
  /// After the step.
  void settled(const sched::JobScheduler& scheduler);
  /// The output is gone: its task may be committed again.
  void lost(const TaskKey& task) {
    there_.erase(task);
    reported_.erase(task);
  }
  /// The same by an attempt's word, which the scheduler need not believe: it may be too old.
  void reported_lost(const TaskKey& task) {
    if (there_.erase(task) != 0) reported_.insert(task);
  }
  void cancelled(JobId job) { cancelled_.insert(job); }

  /// What is wrong, in one line; empty while nothing is.
  const std::string& fault() const noexcept { return fault_; }
  void fail(const std::string& fault) {
    if (fault_.empty()) fault_ = fault;
  }
  const std::set<JobId>& ended() const noexcept { return ended_; }
  std::map<std::string, std::uint64_t> reached;

 private:
  struct Flight {
    ExecutorId executor;
    bool killed = false;
    bool backup = false;
  };
  struct Worker {
    std::uint32_t slots = 0;
    bool draining = false, unheard = false;
    std::optional<sched::Time> aside;
  };
  struct Failures {
    std::uint32_t counted = 0, internal = 0, losses = 0;
    std::set<Cause> causes;
  };

  void on(const sched::ExecutorAdded& event);
  void on(const sched::ExecutorLost& event);
  void on(const sched::ExecutorDraining& event);
  void on(const sched::DriverRestarted& event);
  void on(const sched::ExecutorReturned& event);
  void on(const sched::TaskSucceeded& event);
  void on(const sched::TaskFailed& event);
  template <class Event>
  void on(const Event&) {}

  void check(const sched::LaunchTask& action);
  void check(const sched::KillTask& action);
  void check(const sched::TaskCommitted& action);
  void check(const sched::ExecutorSetAside& action);
  void check(const sched::ExecutorReadmitted& action);
  void check(const sched::JobSucceeded& action);
  void check(const sched::JobFailed& action);
  template <class Action>
  void check(const Action&) {}

  void expect(bool holds, const char* what, const AttemptId& attempt);
  void end(JobId job);
  bool explained(const sched::JobFailed& action) const;
  const Job& job(JobId id) const { return scenario_.jobs.at(id.value); }

  const Scenario& scenario_;
  std::map<ExecutorId, Worker> workers_;
  std::map<AttemptId, Flight> flights_;
  std::set<AttemptId> launched_;
  std::set<TaskKey> there_;     // committed, and not known to be lost
  std::set<TaskKey> reported_;  // committed, and said to be lost
  std::set<TaskKey> counted_;   // committed once
  std::map<TaskKey, Failures> failures_;
  std::optional<AttemptId> succeeded_;  // by the event of this step, from an attempt that was not killed
  std::set<JobId> ended_, cancelled_;
  std::string fault_;
};

}  // namespace millrace::sim
