#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "sched/job/durations.h"
#include "sched/job/events.h"
#include "sched/job/locality.h"
#include "sched/job/pending_set.h"
#include "sched/job/places.h"
#include "sched/job/retry_policy.h"
#include "sched/job/states.h"

// The scheduler's own record of the stages of the jobs that are alive. Internal to sched/job.

namespace millrace::sched {

enum class LaunchCause : std::uint8_t { first, retry, attempt_lost, output_lost, killed, recalled };

struct Task {
  static constexpr std::uint32_t nowhere = no_executor.value;

  std::uint64_t finished_step = 0;  // the step that made it done; meaningful in state done only
  std::uint64_t output_bytes = 0;   // shuffled by the attempt that won
  std::uint32_t next_attempt = 0;
  std::uint32_t attempt = 0;          // the current one, or the one that won
  std::uint32_t executor = nowhere;   // where the current one runs, or the winner ran
  std::uint32_t failed_on = nowhere;  // where an attempt failed last
  TaskHistory history;
  TaskState state = TaskState::pending;
  LaunchCause launch_cause = LaunchCause::first;
  Cause last_cause = Cause::internal;  // of the failure that launch_cause speaks of
  bool committed = false;              // its counters have been added once
  bool cached = false;                 // it needs no output of the stage's parents

  bool live() const noexcept { return state == TaskState::launched || state == TaskState::running; }
};

/// A second attempt of a task whose current one is slow.
struct Backup {
  std::uint32_t attempt = 0;
  std::uint32_t executor = Task::nowhere;
  bool started = false;
};

/// How far from their input the tasks of a stage may run now.
struct Wait {
  Locality level = Locality::executor;
  std::optional<Time> since;  // a free slot was left alone at this level first; empty when none was
};

/// How far the search for a free slot near to the input has come within one step.
struct Search {
  std::uint64_t step = 0;
  std::vector<ExecutorId> executors;  // that come into question
  std::size_t next = 0;
  Locality level = Locality::executor;
};

struct Stage {
  StageId id;
  std::string name;
  std::vector<Task> tasks;
  PendingSet pending;                       // exactly the tasks in state pending
  std::map<std::uint32_t, Backup> backups;  // of tasks that are launched or running
  std::uint32_t done = 0;                   // tasks in state done
  std::uint32_t live = 0;                   // tasks in states launched and running
  std::vector<Stage*> parents;
  std::uint32_t users = 0;         // live jobs that contain it
  std::uint32_t readers = 0;       // stages of live jobs that have it as a parent, counted once a job
  std::vector<JobId> wanted_by;    // live jobs that need its output now, oldest first
  std::optional<JobId> ready_for;  // its key in the ready queue
  std::uint32_t lost_outputs = 0;  // since it was last complete
  StageState state = StageState::fresh;
  bool inputs_there = false;  // every parent is complete
  Durations durations;        // of attempts that succeeded
  double work = 0;            // microseconds that they took where they ran, the latest ones most
  bool short_tasks = false;   // so little that they are sent ahead of the free slots

  // Where tasks would best run. What follows is empty, or unused, in a stage without places.
  Places places;
  PendingSet unbound;               // pending tasks whose places have all gone: they wait for none
  std::uint32_t bound = 0;          // pending tasks that are not in `unbound`
  PendingSet cached_pending;        // pending tasks that need no parent
  std::uint32_t cached_undone = 0;  // tasks not in state done that need no parent
  Wait wait;
  Search search;
  bool look_everywhere = false;        // all free executors come into question, not only those freed by this step
  std::uint32_t near = Task::nowhere;  // the executor with most of the input, if one has most of it
  std::uint64_t exhausted_step = 0;    // the step in which nothing more could be launched

  bool complete() const noexcept { return done == tasks.size(); }
  std::uint32_t pending_count() const noexcept { return static_cast<std::uint32_t>(tasks.size()) - done - live; }
  /// Tasks that need the parents' output and are not done.
  bool needs_parents() const noexcept { return done + cached_undone < tasks.size(); }
  bool parents_complete() const noexcept {
    for (const Stage* parent : parents) {
      if (!parent->complete()) return false;
    }
    return true;
  }
  /// The tasks that may be launched while the stage runs.
  const PendingSet& launchable() const noexcept { return inputs_there ? pending : cached_pending; }
};

/// One live job. Stages are in the order of its specification: parents before children, the result stage last.
struct Job {
  std::string name;
  std::vector<Stage*> stages;
  std::uint64_t running = 0;  // attempts launched for it that are not answered
};

}  // namespace millrace::sched
