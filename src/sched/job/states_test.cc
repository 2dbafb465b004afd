#include "sched/job/states.h"

#include <gtest/gtest.h>
#include <set>
#include <string>
#include <utility>

#include <millrace/error.h>

namespace millrace::sched {
namespace {

template <class State, std::size_t N>
std::set<std::pair<std::string, std::string>> legal_transitions(const State (&states)[N]) {
  std::set<std::pair<std::string, std::string>> transitions;
  for (const State from : states) {
    for (const State to : states) {
      State state = from;
      if (legal(from, to)) {
        transition(state, to);
        EXPECT_EQ(state, to);
        transitions.insert({name(from), name(to)});
      } else {
        EXPECT_THROW(transition(state, to), Error);
        EXPECT_EQ(state, from);
      }
    }
  }
  return transitions;
}

TEST(StatesTest, TaskTransitionsAreThoseOfTheDiagram) {
  const TaskState states[] = {TaskState::pending, TaskState::launched, TaskState::running, TaskState::done};
  const std::set<std::pair<std::string, std::string>> expected = {
      {"pending", "launched"}, {"launched", "running"}, {"launched", "done"}, {"launched", "pending"},
      {"running", "done"},     {"running", "pending"},  {"done", "pending"},  {"running", "launched"}};
  EXPECT_EQ(legal_transitions(states), expected);
}

TEST(StatesTest, StageTransitionsAreThoseOfTheDiagram) {
  const StageState states[] = {StageState::fresh, StageState::waiting, StageState::running, StageState::finished,
                               StageState::skipped};
  const std::set<std::pair<std::string, std::string>> expected = {
      {"fresh", "waiting"},    {"fresh", "running"},    {"fresh", "skipped"},    {"waiting", "running"},
      {"waiting", "finished"}, {"waiting", "skipped"},  {"running", "waiting"},  {"running", "finished"},
      {"running", "skipped"},  {"finished", "waiting"}, {"finished", "running"}, {"skipped", "waiting"},
      {"skipped", "running"}};
  EXPECT_EQ(legal_transitions(states), expected);
}

TEST(StatesTest, AnIllegalTransitionNamesBothStates) {
  TaskState state = TaskState::pending;
  try {
    transition(state, TaskState::done);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), Cause::internal);
    EXPECT_NE(std::string(error.what()).find("from pending to done"), std::string::npos);
  }
}

}  // namespace
}  // namespace millrace::sched
