#include "sched/job/testing.h"

// Executors that fail, that come back, and drivers that start again.

namespace millrace::sched {
namespace {

class ExecutorEventsTest : public JobSchedulerTest {
 protected:
  // Three executors of one slot, the first on a broken machine: four tasks fail on it.
  void break_executor_0() {
    for (std::uint32_t id = 0; id < 3; ++id) add(id, 1, fmt::format("host {}", id));
    submit(0, {stage(0, 100)});
    for (int i = 0; i < 4; ++i) {
      const auto launch = std::find_if(actions_.begin(), actions_.end(), [](const Action& action) {
        const auto* each = std::get_if<LaunchTask>(&action);
        return each != nullptr && each->executor == ExecutorId{0};
      });
      ASSERT_NE(launch, actions_.end());
      fail(std::get<LaunchTask>(*launch).attempt, Cause::user_code, 0);
    }
  }
};

TEST_F(ExecutorEventsTest, OneThatKeepsFailingIsSetAsideAndTriedAgain) {
  break_executor_0();
  ASSERT_EQ(text(actions_.at(0)), "set aside 0");
  EXPECT_EQ(reason(0), "4 of its last 4 attempts failed");
  const Time until = std::get<ExecutorSetAside>(actions_[0]).until;
  EXPECT_EQ(until.microseconds, now_ + 60'000'000);
  EXPECT_EQ(actions_.size(), 1u) << "nothing more is launched on it";
  EXPECT_EQ(why(0, 99), "no free slot on 2 executors, 1 set aside");
  EXPECT_THAT(pass(59), testing::Not(Contains("readmit 0")));
  EXPECT_THAT(pass(1), Contains("readmit 0"));
}

TEST_F(ExecutorEventsTest, ProgressDecidesNothing) {
  break_executor_0();
  now_ += 100'000'000;
  EXPECT_THAT(progress(attempt(0, 1), 1, 0.5), IsEmpty());
  EXPECT_THAT(pass(0), Contains("readmit 0"));
}

TEST_F(ExecutorEventsTest, SetAsideAgainItWaitsTwiceAsLong) {
  Health health;
  const HealthPolicy policy{HealthLimits{}};
  EXPECT_EQ(policy.set_aside(health, Time{0}).microseconds, 60'000'000);
  EXPECT_EQ(policy.set_aside(health, Time{0}).microseconds, 120'000'000);
  for (int i = 0; i < 40; ++i) policy.set_aside(health, Time{0});
  EXPECT_EQ(policy.set_aside(health, Time{0}).microseconds, 3'600'000'000);
  policy.succeeded(health, Time{1});
  EXPECT_EQ(policy.set_aside(health, Time{0}).microseconds, 60'000'000);
}

TEST_F(ExecutorEventsTest, FailuresAmongSuccessesOrLongAgoAreForgiven) {
  const HealthPolicy policy{HealthLimits{}};
  Health mixed;
  for (int i = 0; i < 20; ++i) {
    policy.succeeded(mixed, Time{i});
    EXPECT_FALSE(policy.failed(mixed, Cause::user_code, Time{i})) << i;
  }
  Health slow;
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(policy.failed(slow, Cause::user_code, Time{i * 400'000'000L})) << i;
  Health innocent;
  for (int i = 0; i < 20; ++i) {
    for (const Cause cause : {Cause::lost_input, Cause::lost_node, Cause::bad_data}) {
      EXPECT_FALSE(policy.failed(innocent, cause, Time{i}));
    }
  }
}

TEST_F(ExecutorEventsTest, AtMostHalfAreSetAside) {
  add(0, 1, "a");
  add(1, 1, "b");
  submit(0, {stage(0, 50)});
  int aside = 0;
  // Every attempt of every task fails, wherever it runs: the job ends by that, and not by having nowhere to run.
  std::vector<std::pair<AttemptId, std::uint32_t>> queue;
  const auto collect = [&] {
    for (const Action& action : actions_) {
      if (const auto* launch = std::get_if<LaunchTask>(&action))
        queue.push_back({launch->attempt, launch->executor.value});
      aside += std::holds_alternative<ExecutorSetAside>(action) ? 1 : 0;
    }
  };
  collect();
  while (!queue.empty() && scheduler_.live_jobs() > 0) {
    const auto [id, executor] = queue.front();
    queue.erase(queue.begin());
    fail(id, Cause::user_code, executor);
    collect();
  }
  EXPECT_EQ(scheduler_.live_jobs(), 0u);
  EXPECT_EQ(aside, 1);
}

TEST_F(ExecutorEventsTest, AFullDiskSetsItsExecutorAsideAtOnce) {
  add(0, 1, "a");
  add(1, 1, "b");
  submit(0, {stage(0, 1)});
  EXPECT_THAT(fail(attempt(0, 0), Cause::out_of_disk, 0), ElementsAre("set aside 0", "launch 0.0#1 on 1"));
  EXPECT_EQ(reason(0), "its disk is full");
  EXPECT_THAT(fail(attempt(0, 0, 1), Cause::out_of_disk, 1), ElementsAre("job 0 failed out_of_disk"));
}

TEST_F(ExecutorEventsTest, TheRestOfAHostFollows) {
  for (std::uint32_t id = 0; id < 3; ++id) add(id, 1, "bad");
  for (std::uint32_t id = 3; id < 7; ++id) add(id, 1, "good");
  submit(0, {stage(0, 7)});
  EXPECT_THAT(fail(attempt(0, 0), Cause::out_of_disk, 0), Contains("set aside 0"));
  EXPECT_THAT(fail(attempt(0, 1), Cause::out_of_disk, 1), ElementsAre("set aside 1", "set aside 2"));
  EXPECT_EQ(reason(1), "2 executors of host bad are set aside");
}

TEST_F(ExecutorEventsTest, WhenNoOtherIsLeftOneIsReadmitted) {
  add(0, 1, "a");
  add(1, 1, "b");
  submit(0, {stage(0, 2)});
  EXPECT_THAT(fail(attempt(0, 0), Cause::out_of_disk, 0), ElementsAre("set aside 0"));
  EXPECT_THAT(lose(1), ElementsAre("readmit 0", "launch 0.0#1 on 0"));
  EXPECT_EQ(reason(0), "no other executor is left");
}

TEST_F(ExecutorEventsTest, OneThatIsLostWhenItsTimeIsUpIsNotReadmitted) {
  break_executor_0();
  now_ += 100'000'000;
  EXPECT_THAT(lose(0), testing::Not(Contains("readmit 0")));
}

// A driver that starts again.

TEST_F(ExecutorEventsTest, AfterARestartNothingIsLaunchedBeforeTheExecutorIsHeardOf) {
  add(0, 2, "a");
  submit(0, {stage(0, 3)});
  EXPECT_THAT(step(DriverRestarted{}), IsEmpty());
  EXPECT_THAT(succeed(attempt(0, 0)), ElementsAre("commit 0.0#0"));
  EXPECT_EQ(why(0, 2), "no executor can be used, 1 not heard of since the driver was restarted");
  EXPECT_THAT(step(ExecutorReturned{ExecutorId{0}, {attempt(0, 1)}}), ElementsAre("launch 0.2#65536 on 0"));
  EXPECT_THAT(succeed(attempt(0, 1)), ElementsAre("commit 0.1#0"));
}

TEST_F(ExecutorEventsTest, WhatAnExecutorDoesNotHaveIsLostAndWhatIsUnknownIsKilled) {
  add(0, 2, "a");
  submit(0, {stage(0, 3)});
  step(DriverRestarted{});
  // Attempt 0 of task 1 never reached it; one of task 2 did, and the journal does not say so.
  EXPECT_THAT(step(ExecutorReturned{ExecutorId{0}, {attempt(0, 0), attempt(0, 2, 70000)}}),
              ElementsAre("kill 0.2#70000 on 0"));
  EXPECT_EQ(scheduler_.running_attempts(), 2u);
  EXPECT_THAT(fail(attempt(0, 2, 70000), Cause::lost_node), ElementsAre("launch 0.1#65536 on 0"));
  EXPECT_THAT(succeed(attempt(0, 0)), ElementsAre("commit 0.0#0", "launch 0.2#70001 on 0"));
}

TEST_F(ExecutorEventsTest, AnExecutorThatIsNotHeardOfIsLostLikeAnyOther) {
  add(0, 1, "a");
  add(1, 1, "b");
  submit(0, {stage(0, 2)});
  step(DriverRestarted{});
  EXPECT_THAT(lose(0), IsEmpty());
  EXPECT_THAT(step(ExecutorReturned{ExecutorId{1}, {attempt(0, 1)}}), IsEmpty());
  EXPECT_THAT(succeed(attempt(0, 1), 1), ElementsAre("commit 0.1#0", "launch 0.0#65536 on 1"));
}

// Why tasks are not running.

TEST_F(ExecutorEventsTest, WhyTasksArePending) {
  submit(0, {stage(0, 2), stage(1, 3, {0})});
  EXPECT_EQ(why(0, 0), "there is no executor");
  EXPECT_EQ(why(1, 2), "waits for stage 0: 0 of 2 tasks are done");
  add(0, 1);
  EXPECT_EQ(why(0, 0), "");
  EXPECT_EQ(why(0, 1), "no free slot on 1 executors");
  EXPECT_EQ(why(7, 1), "");
  submit(1, {stage(2, 4)});
  EXPECT_EQ(why(2, 3), "no free slot on 1 executors; job 0 comes first");
  const auto reasons = scheduler_.pending_reasons();
  ASSERT_EQ(reasons.size(), 3u);
  EXPECT_EQ(reasons[0].tasks, 1u);
  EXPECT_EQ(reasons[1].tasks, 3u);
  EXPECT_EQ(reasons[1].reason, "waits for stage 0: 0 of 2 tasks are done");
  EXPECT_EQ(reasons[2].job, JobId{1});
  EXPECT_EQ(reasons[2].tasks, 4u);
}

}  // namespace
}  // namespace millrace::sched
