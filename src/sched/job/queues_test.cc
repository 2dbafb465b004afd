#include "sched/job/testing.h"

// Attempts of short tasks that wait on executors without a free slot.

namespace millrace::sched {
namespace {

class QueuesTest : public JobSchedulerTest {
 protected:
  QueuesTest() {
    Options options;
    options.queues.most = 3;
    use(options);
  }
  Texts succeed_after(const AttemptId& id, std::int64_t microseconds, std::uint32_t executor = 0) {
    TaskSucceeded event{id, ExecutorId{executor}, {}};
    event.metrics.wall_microseconds = microseconds;
    return step(event);
  }
};

TEST_F(QueuesTest, ShortTasksAreSentAhead) {
  add(0, 1);
  EXPECT_THAT(submit(0, {stage(0, 9)}), ElementsAre("start 0", "launch 0.0#0 on 0"));
  EXPECT_THAT(
      succeed_after(attempt(0, 0, 0), 100),
      ElementsAre("commit 0.0#0", "launch 0.1#0 on 0", "launch 0.2#0 on 0", "launch 0.3#0 on 0", "launch 0.4#0 on 0"));
  EXPECT_THAT(succeed_after(attempt(0, 1, 0), 100), ElementsAre("commit 0.1#0", "launch 0.5#0 on 0"));
}

TEST_F(QueuesTest, FreeSlotsComeFirst) {
  add(0, 1);
  submit(0, {stage(0, 9)});
  add(1, 1);
  add(2, 1);
  EXPECT_THAT(succeed_after(attempt(0, 0, 0), 100),
              ElementsAre("commit 0.0#0", "launch 0.3#0 on 0", "launch 0.4#0 on 0", "launch 0.5#0 on 1",
                          "launch 0.6#0 on 2", "launch 0.7#0 on 0", "launch 0.8#0 on 1"));
}

TEST_F(QueuesTest, WhatOneStageTaughtDoesNotHoldForAnother) {
  add(0, 1);
  submit(0, {stage(0, 1)});
  succeed_after(attempt(0, 0, 0), 10);
  EXPECT_THAT(submit(1, {stage(1, 5)}), ElementsAre("start 1", "launch 1.0#0 on 0"));
}

TEST_F(QueuesTest, LongTasksAreNot) {
  add(0, 1);
  submit(0, {stage(0, 9)});
  EXPECT_THAT(succeed_after(attempt(0, 0, 0), 600), ElementsAre("commit 0.0#0", "launch 0.1#0 on 0"));
}

TEST_F(QueuesTest, WhatWaitsIsNotMuchWork) {
  Options options;
  options.queues.most = 60;
  options.queues.queue_microseconds = 800;
  use(options);
  add(0, 1);
  submit(0, {stage(0, 99)});
  EXPECT_THAT(succeed_after(attempt(0, 0, 0), 400),
              ElementsAre("commit 0.0#0", "launch 0.1#0 on 0", "launch 0.2#0 on 0", "launch 0.3#0 on 0"));
}

TEST_F(QueuesTest, AQueueEndsWhenTasksBecomeLong) {
  add(0, 1);
  submit(0, {stage(0, 30)});
  succeed_after(attempt(0, 0, 0), 100);  // 1 to 4 are there now
  EXPECT_THAT(succeed_after(attempt(0, 1, 0), 100'000), ElementsAre("commit 0.1#0"));
  EXPECT_THAT(succeed_after(attempt(0, 2, 0), 100'000), ElementsAre("commit 0.2#0"));
  EXPECT_THAT(succeed_after(attempt(0, 3, 0), 100'000), ElementsAre("commit 0.3#0"));
  EXPECT_THAT(succeed_after(attempt(0, 4, 0), 100'000), ElementsAre("commit 0.4#0", "launch 0.5#0 on 0"));
}

TEST_F(QueuesTest, WhatWaitsIsCalledBackWhenAnotherExecutorHasNothingToDo) {
  add(0, 1);
  submit(0, {stage(0, 4)});
  succeed_after(attempt(0, 0, 0), 100);  // 1 to 3 are there now
  start(attempt(0, 1, 0));
  add(1, 1);
  EXPECT_THAT(pass(0.01), IsEmpty());
  EXPECT_THAT(pass(0.05), ElementsAre("kill 0.3#0 on 0", "launch 0.3#1 on 1"));
  EXPECT_EQ(reason(0), "it waits behind others, and another executor has a free slot");
  EXPECT_EQ(reason(1), "it waited behind others on another executor");
  EXPECT_THAT(pass(0.05), IsEmpty());  // 2 goes on waiting: there is no slot for it
  // The executor may have begun meanwhile; the answer only makes room.
  EXPECT_THAT(succeed_after(attempt(0, 3, 0), 100), IsEmpty());
  EXPECT_THAT(succeed_after(attempt(0, 3, 1), 100, 1), ElementsAre("commit 0.3#1"));
  EXPECT_THAT(pass(0.05), ElementsAre("kill 0.2#0 on 0", "launch 0.2#1 on 1"));
}

TEST_F(QueuesTest, ALostExecutorLosesWhatWaited) {
  add(0, 1);
  submit(0, {stage(0, 4)});
  succeed_after(attempt(0, 0, 0), 100);
  EXPECT_THAT(lose(0), IsEmpty());
  EXPECT_THAT(add(1, 1), ElementsAre("launch 0.1#1 on 1", "launch 0.2#1 on 1", "launch 0.3#1 on 1"));
}

}  // namespace
}  // namespace millrace::sched
