#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "sched/job/events.h"
#include "sched/job/pending_set.h"
#include "sched/job/retry_policy.h"
#include "sched/job/states.h"

// The scheduler's own record of the stages of the jobs that are alive. Internal to sched/job.

namespace millrace::sched {

enum class LaunchCause : std::uint8_t { first, retry, attempt_lost, output_lost, killed };

struct Task {
  static constexpr std::uint32_t no_executor = ~std::uint32_t{0};

  std::uint64_t finished_step = 0;  // the step that made it done; meaningful in state done only
  std::uint32_t next_attempt = 0;
  std::uint32_t attempt = 0;              // the current one, or the one that won
  std::uint32_t executor = no_executor;   // where the current one runs, or the winner ran
  std::uint32_t failed_on = no_executor;  // where an attempt failed last
  TaskHistory history;
  TaskState state = TaskState::pending;
  LaunchCause launch_cause = LaunchCause::first;
  Cause last_cause = Cause::internal;  // of the failure that launch_cause speaks of
  bool committed = false;              // its counters have been added once
};

struct Stage {
  StageId id;
  std::string name;
  std::vector<Task> tasks;
  PendingSet pending;      // exactly the tasks in state pending
  std::uint32_t done = 0;  // tasks in state done
  std::vector<Stage*> parents;
  std::uint32_t users = 0;         // live jobs that contain it
  std::uint32_t readers = 0;       // stages of live jobs that have it as a parent, counted once a job
  std::vector<JobId> wanted_by;    // live jobs that need its output now, oldest first
  std::optional<JobId> ready_for;  // its key in the ready queue
  std::uint32_t lost_outputs = 0;  // since it was last complete
  StageState state = StageState::fresh;
  Time started;

  bool complete() const noexcept { return done == tasks.size(); }
  bool parents_complete() const noexcept {
    for (const Stage* parent : parents) {
      if (!parent->complete()) return false;
    }
    return true;
  }
};

/// One live job. Stages are in the order of its specification: parents before children, the result stage last.
struct Job {
  std::string name;
  std::vector<Stage*> stages;
};

struct RunningAttempt {
  AttemptId attempt;
  JobId job;
  std::uint64_t launched_step = 0;
};

struct Executor {
  std::uint32_t slots = 0;
  std::vector<RunningAttempt> running;  // at most `slots` of them, killed ones that have not answered included

  std::uint32_t free() const noexcept {
    return running.size() >= slots ? 0 : slots - static_cast<std::uint32_t>(running.size());
  }
};

}  // namespace millrace::sched
