#include "sched/job/states.h"

#include <fmt/format.h>

#include <millrace/error.h>

namespace millrace::sched {

const char* name(TaskState state) noexcept {
  switch (state) {
    case TaskState::pending:
      return "pending";
    case TaskState::launched:
      return "launched";
    case TaskState::running:
      return "running";
    case TaskState::done:
      return "done";
  }
  return "?";
}

const char* name(StageState state) noexcept {
  switch (state) {
    case StageState::fresh:
      return "fresh";
    case StageState::waiting:
      return "waiting";
    case StageState::running:
      return "running";
    case StageState::finished:
      return "finished";
    case StageState::skipped:
      return "skipped";
  }
  return "?";
}

namespace {

template <class State>
void checked(const char* what, State& state, State to) {
  if (!legal(state, to)) {
    throw Error(Cause::internal, fmt::format("{} went from {} to {}: report this as a defect of the job scheduler",
                                             what, name(state), name(to)));
  }
  state = to;
}

}  // namespace

void transition(TaskState& state, TaskState to) { checked("a task", state, to); }
void transition(StageState& state, StageState to) { checked("a stage", state, to); }

}  // namespace millrace::sched
