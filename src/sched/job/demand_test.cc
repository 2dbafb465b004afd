#include "sched/job/testing.h"

// What the number of executors is decided by, and what lists of runs show.

namespace millrace::sched {
namespace {

class DemandTest : public JobSchedulerTest {};

TEST_F(DemandTest, TasksWaitWhenNoSlotIsFree) {
  EXPECT_EQ(scheduler_.waiting_tasks(), 0u);
  submit(0, {stage(0, 5)});
  EXPECT_EQ(scheduler_.waiting_tasks(), 5u);
  add(0, 2);
  EXPECT_EQ(scheduler_.waiting_tasks(), 3u);
  add(1, 4);
  EXPECT_EQ(scheduler_.waiting_tasks(), 0u);
}

TEST_F(DemandTest, TasksWhoseInputIsNotThereDoNotWaitForSlots) {
  add(0, 1);
  submit(0, {stage(0, 2), stage(1, 7, {0})});
  EXPECT_EQ(scheduler_.waiting_tasks(), 1u);
  succeed(attempt(0, 0));
  succeed(attempt(0, 1));
  EXPECT_EQ(scheduler_.waiting_tasks(), 6u);
}

TEST_F(DemandTest, AnExecutorThatLeavesHasNoFreeSlots) {
  add(0, 4);
  drain(0);
  submit(0, {stage(0, 3)});
  EXPECT_EQ(scheduler_.waiting_tasks(), 3u);
}

TEST_F(DemandTest, WhatALiveJobReadsIsOnTheExecutorsThatMadeIt) {
  add(0, 1);
  add(1, 1);
  add(2, 1);
  submit(0, {stage(0, 2), stage(1, 1, {0})});
  succeed(attempt(0, 0), 0);
  EXPECT_EQ(scheduler_.executors_read_from(), (std::vector<bool>{true}));
  succeed(attempt(0, 1), 1);
  EXPECT_EQ(scheduler_.executors_read_from(), (std::vector<bool>{true, true}));
  const auto last = std::get<LaunchTask>(*std::find_if(actions_.begin(), actions_.end(), [](const Action& action) {
    return std::holds_alternative<LaunchTask>(action);
  }));
  succeed(attempt(1, 0), last.executor.value);
  EXPECT_TRUE(scheduler_.executors_read_from().empty()) << "the job has ended";
}

TEST_F(DemandTest, TheSummaryCountsLiveJobs) {
  add(0, 1);
  submit(0, {stage(0, 2), stage(1, 1, {0})});
  submit(1, {stage(2, 3)});
  succeed(attempt(0, 0));
  const SchedulerSummary summary = scheduler_.summary();
  EXPECT_EQ(summary.jobs, 2u);
  EXPECT_EQ(summary.name, "job");
  EXPECT_EQ(summary.tasks, 6u);
  EXPECT_EQ(summary.done, 1u);
  EXPECT_EQ(summary.running, 1u);
  EXPECT_EQ(summary.executors, 1u);
}

}  // namespace
}  // namespace millrace::sched
