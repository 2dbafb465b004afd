#pragma once

#include <cstdint>

namespace millrace::sched {

/// One task of a stage: "the output of partition p of this stage".
///
///                 launch             TaskStarted
///      pending ------------> launched -----------> running
///        ^  ^                 |   |                 |   |
///        |  |  failed, killed,|   |TaskSucceeded    |   |
///        |  |  executor lost  |   |                 |   |
///        |  +-----------------+   +------> done <---+   |
///        |  +-----------------------------------|-------+  failed, killed, executor lost
///        +--+<----------------------------------+          output lost
///
/// A running task is `launched` again when its attempt fails and its backup, which has not started, takes its place.
///
/// A failure that ends the job ends its tasks with it, so there is no state `failed`.
enum class TaskState : std::uint8_t { pending, launched, running, done };

/// One stage of the jobs that are alive.
///
///   fresh -----------------> skipped      all tasks are done already, or nobody needs the output
///   fresh, skipped --------> waiting      the output is needed and a parent's is not complete
///   fresh, waiting, skipped -> running    the output is needed and every parent's is complete
///   running ---------------> waiting      a parent's output was lost; attempts that run go on
///   running, waiting ------> finished     every task is done
///   running, waiting ------> skipped      what needed the output no longer does
///   finished --------------> waiting, running   output was lost that is still needed
enum class StageState : std::uint8_t { fresh, waiting, running, finished, skipped };

constexpr bool legal(TaskState from, TaskState to) noexcept {
  switch (from) {
    case TaskState::pending:
      return to == TaskState::launched;
    case TaskState::launched:
      return to == TaskState::running || to == TaskState::done || to == TaskState::pending;
    case TaskState::running:
      return to == TaskState::done || to == TaskState::pending || to == TaskState::launched;
    case TaskState::done:
      return to == TaskState::pending;
  }
  return false;
}

constexpr bool legal(StageState from, StageState to) noexcept {
  switch (from) {
    case StageState::fresh:
      return to == StageState::waiting || to == StageState::running || to == StageState::skipped;
    case StageState::waiting:
      return to == StageState::running || to == StageState::finished || to == StageState::skipped;
    case StageState::running:
      return to == StageState::waiting || to == StageState::finished || to == StageState::skipped;
    case StageState::finished:
      return to == StageState::waiting || to == StageState::running;
    case StageState::skipped:
      return to == StageState::waiting || to == StageState::running;
  }
  return false;
}

/// The state's name as messages print it.
const char* name(TaskState state) noexcept;
const char* name(StageState state) noexcept;

/// Sets `state` to `to`. Throws Error(internal) that names both when the tables above do not have the transition.
void transition(TaskState& state, TaskState to);
void transition(StageState& state, StageState to);

}  // namespace millrace::sched
