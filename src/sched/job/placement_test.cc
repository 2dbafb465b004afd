#include "sched/job/testing.h"

// Where tasks run: near to their input, between jobs, on executors that drain.

namespace millrace::sched {
namespace {

class PlacementTest : public JobSchedulerTest {
 protected:
  static TaskPlace on(std::vector<std::uint32_t> executors, std::vector<std::string> hosts = {}, bool cached = false) {
    TaskPlace place;
    for (const auto id : executors) place.executors.push_back(ExecutorId{id});
    place.hosts = std::move(hosts);
    place.cached = cached;
    return place;
  }
  static StageSpec placed(std::uint32_t id, std::vector<TaskPlace> places, std::vector<std::uint32_t> parents = {}) {
    StageSpec spec = stage(id, static_cast<std::uint32_t>(places.size()), std::move(parents));
    spec.places = std::move(places);
    return spec;
  }
};

TEST_F(PlacementTest, TasksGoWhereTheirInputIs) {
  add(0, 1, "a");
  add(1, 1, "b");
  add(2, 1, "c");
  EXPECT_THAT(submit(0, {placed(0, {on({2}), on({}, {"b"}), on({0})})}),
              ElementsAre("start 0", "launch 0.2#0 on 0", "launch 0.1#0 on 1", "launch 0.0#0 on 2"));
  EXPECT_EQ(reason(1), "first attempt; its input is on this executor");
  EXPECT_EQ(reason(2), "first attempt; its input is on this host");
}

TEST_F(PlacementTest, WhatWasCachedOnALostExecutorDoesNotWaitForItsHost) {
  add(0, 1, "a");
  add(1, 1, "a");
  EXPECT_THAT(submit(0, {placed(0, {on({0}, {}, true), on({1}, {}, true), on({0}, {}, true)})}),
              ElementsAre("start 0", "launch 0.0#0 on 0", "launch 0.1#0 on 1"));
  EXPECT_THAT(lose(0), IsEmpty());
  EXPECT_THAT(succeed(attempt(0, 1, 0), 1), ElementsAre("commit 0.1#0", "launch 0.0#1 on 1"));
  EXPECT_THAT(succeed(attempt(0, 0, 1), 1), ElementsAre("commit 0.0#1", "launch 0.2#0 on 1"));
}

TEST_F(PlacementTest, ATaskWithoutPlacesWaitsForNone) {
  add(0, 1, "a");
  add(1, 1, "b");
  EXPECT_THAT(submit(0, {placed(0, {on({1}), on({1}), on({})})}),
              ElementsAre("start 0", "launch 0.0#0 on 1", "launch 0.2#0 on 0"));
}

TEST_F(PlacementTest, ASlotFurtherAwayIsTakenAfterAWait) {
  add(0, 1, "a", "r1");
  add(1, 1, "a", "r1");
  add(2, 1, "b", "r1");
  add(3, 1, "c", "r2");
  EXPECT_THAT(submit(0, {placed(0, {on({0}), on({0}), on({0}), on({0})})}),
              ElementsAre("start 0", "launch 0.0#0 on 0"));
  EXPECT_EQ(why(0, 1), "waits for a free slot on an executor that holds its input until 1.0 s");
  EXPECT_THAT(pass(0.5), IsEmpty());
  EXPECT_THAT(pass(0.5), ElementsAre("launch 0.1#0 on 1"));
  EXPECT_EQ(reason(0), "first attempt; its input is on this host");
  EXPECT_EQ(why(0, 2), "waits for a free slot on a host that holds its input until 2.0 s");
  EXPECT_THAT(pass(0.9), IsEmpty());
  EXPECT_THAT(pass(0.1), ElementsAre("launch 0.2#0 on 2"));
  EXPECT_EQ(reason(0), "first attempt; its input is in this rack");
  EXPECT_THAT(pass(0.4), IsEmpty());
  EXPECT_THAT(pass(0.1), ElementsAre("launch 0.3#0 on 3"));
  EXPECT_EQ(reason(0), "first attempt");
}

TEST_F(PlacementTest, ALocalLaunchBeginsTheWaitAgain) {
  add(0, 1, "a");
  add(1, 1, "b");
  submit(0, {placed(0, {on({0}), on({0}), on({0})})});
  pass(0.9);
  EXPECT_THAT(succeed(attempt(0, 0), 0), ElementsAre("commit 0.0#0", "launch 0.1#0 on 0"));
  EXPECT_THAT(pass(0.9), IsEmpty());
  EXPECT_THAT(pass(0.2), ElementsAre("launch 0.2#0 on 1"));
}

TEST_F(PlacementTest, TheWaitBeginsWhenASlotIsLeftAlone) {
  add(0, 1, "a");
  submit(0, {placed(0, {on({0}), on({0})})});
  pass(100);  // no slot was free: nothing was waited for
  EXPECT_THAT(add(1, 1, "b"), IsEmpty());
  EXPECT_THAT(pass(0.5), IsEmpty());
  EXPECT_THAT(pass(0.6), ElementsAre("launch 0.1#0 on 1"));
}

TEST_F(PlacementTest, NothingWaitsForAnExecutorThatIsGone) {
  add(0, 1, "a");
  add(1, 1, "b");
  submit(0, {placed(0, {on({0}), on({0}), on({0})})});
  EXPECT_THAT(lose(0), ElementsAre("launch 0.0#1 on 1"));
  EXPECT_THAT(succeed(attempt(0, 0, 1), 1), ElementsAre("commit 0.0#1", "launch 0.1#0 on 1"));
  EXPECT_THAT(add(2, 1, "a"), ElementsAre("launch 0.2#0 on 2"));  // on the host that is back nothing of it is left
}

TEST_F(PlacementTest, AnExecutorThatComesBringsItsHostsTasks) {
  add(0, 1, "a");
  submit(0, {placed(0, {on({}, {"a"}), on({}, {"b"}), on({}, {"a"})})});
  EXPECT_THAT(add(1, 2, "b"), ElementsAre("launch 0.1#0 on 1"));
  EXPECT_THAT(succeed(attempt(0, 0), 0), ElementsAre("commit 0.0#0", "launch 0.2#0 on 0"));
}

TEST_F(PlacementTest, ATaskThatFailsGoesToAnotherExecutorWhereverItsInputIs) {
  add(0, 1, "a");
  add(1, 1, "b");
  submit(0, {placed(0, {on({0})})});
  EXPECT_THAT(fail(attempt(0, 0), Cause::user_code, 0), ElementsAre("launch 0.0#1 on 1"));
}

TEST_F(PlacementTest, ATaskIsNotTriedAgainWhereItFailed) {
  add(0, 1, "a");
  add(1, 1, "b");
  submit(0, {stage(0, 3)});
  EXPECT_THAT(fail(attempt(0, 0), Cause::user_code, 0), ElementsAre("launch 0.2#0 on 0"));
  EXPECT_THAT(succeed(attempt(0, 2), 0), ElementsAre("commit 0.2#0"));
  EXPECT_EQ(why(0, 0), "waits for a free slot on another executor than 0, where it failed");
  EXPECT_THAT(succeed(attempt(0, 1), 1), ElementsAre("commit 0.1#0", "launch 0.0#1 on 1"));
}

TEST_F(PlacementTest, TheReaderOfAShuffleGoesWhereMostOfItIs) {
  add(0, 1, "a");
  add(1, 4, "b");
  submit(0, {stage(0, 2), stage(1, 1, {0})});
  TaskMetrics little, much;
  little.shuffle_bytes_written = 10;
  much.shuffle_bytes_written = 100;
  ASSERT_THAT(actions_.size(), 3u);
  EXPECT_EQ(text(actions_[1]), "launch 0.0#0 on 1");
  EXPECT_EQ(text(actions_[2]), "launch 0.1#0 on 1");
  step(TaskSucceeded{attempt(0, 0), ExecutorId{1}, little});
  lose(1);
  EXPECT_THAT(succeed(attempt(0, 1, 1), 0), ElementsAre("commit 0.1#1", "finish 0", "start 1", "launch 1.0#0 on 0"));
  submit(1, {stage(2, 2), stage(3, 1, {2})});
  add(2, 1, "c");
  add(3, 5, "d");
  EXPECT_EQ(text(actions_[0]), "launch 2.1#0 on 3");
  step(TaskSucceeded{attempt(2, 0), ExecutorId{2}, much});
  step(TaskSucceeded{attempt(2, 1), ExecutorId{3}, little});
  EXPECT_EQ(text(actions_.back()), "launch 3.0#0 on 2");
  EXPECT_EQ(reason(actions_.size() - 1), "first attempt; its input is on this executor");
}

// Cached partitions.

TEST_F(PlacementTest, CachedTasksNeedNoParents) {
  Options options;
  options.outputs_die_with_executor = true;
  use(options);
  add(0, 1, "a");
  add(1, 1, "b");
  EXPECT_THAT(submit(0, {stage(0, 2), placed(1, {on({0}, {}, true), on({1}, {}, true)}, {0})}),
              ElementsAre("skip 0", "start 1", "launch 1.0#0 on 0", "launch 1.1#0 on 1"));
  EXPECT_EQ(reason(1), "2 of 2 tasks have their input cached");
  EXPECT_THAT(succeed(attempt(1, 0), 0), ElementsAre("commit 1.0#0"));
  EXPECT_THAT(succeed(attempt(1, 1), 1), ElementsAre("commit 1.1#0", "finish 1", "job 0 succeeded"));
}

TEST_F(PlacementTest, ALostCachedPartitionBringsItsLineageBack) {
  add(0, 1, "a");
  add(1, 1, "b");
  submit(0, {stage(0, 2), placed(1, {on({0}, {}, true), on({1}, {}, true), on({1}, {}, true)}, {0})});
  EXPECT_THAT(lose(0), ElementsAre("start 0"));  // the attempt is lost with the cached partition
  EXPECT_EQ(why(1, 0), "waits for stage 0: 0 of 2 tasks are done");
  EXPECT_THAT(succeed(attempt(1, 1), 1), ElementsAre("commit 1.1#0", "launch 0.0#0 on 1"));
  EXPECT_THAT(succeed(attempt(0, 0), 1), ElementsAre("commit 0.0#0", "launch 0.1#0 on 1"));
  EXPECT_THAT(succeed(attempt(0, 1), 1), ElementsAre("commit 0.1#0", "finish 0", "launch 1.2#0 on 1"));
  EXPECT_THAT(succeed(attempt(1, 2), 1), ElementsAre("commit 1.2#0", "launch 1.0#1 on 1"));
  EXPECT_THAT(succeed(attempt(1, 0, 1), 1), ElementsAre("commit 1.0#1", "finish 1", "job 0 succeeded"));
}

TEST_F(PlacementTest, ACachedTaskThatMissesItsInputNeedsTheParents) {
  add(0, 1, "a");
  submit(0, {stage(0, 1), placed(1, {on({0}, {}, true)}, {0})});
  EXPECT_THAT(fail(attempt(1, 0), Cause::lost_input, 0, {attempt(0, 0)}), ElementsAre("start 0", "launch 0.0#0 on 0"));
  EXPECT_THAT(succeed(attempt(0, 0)), ElementsAre("commit 0.0#0", "finish 0", "start 1", "launch 1.0#1 on 0"));
}

TEST_F(PlacementTest, LosingTheParentsOfACachedStageRecomputesNothing) {
  Options options;
  options.outputs_die_with_executor = true;
  use(options);
  add(0, 1, "a");
  add(1, 1, "b");
  StageSpec parent = stage(0, 2, {}, {true, true});
  parent.holders = {ExecutorId{0}, ExecutorId{1}};
  EXPECT_THAT(submit(0, {parent, placed(1, {on({1}, {}, true), on({1}, {}, true)}, {0})}),
              ElementsAre("skip 0", "start 1", "launch 1.0#0 on 1"));
  EXPECT_THAT(lose(0), IsEmpty());
  EXPECT_THAT(succeed(attempt(1, 0), 1), ElementsAre("commit 1.0#0", "launch 1.1#0 on 1"));
  EXPECT_THAT(succeed(attempt(1, 1), 1), ElementsAre("commit 1.1#0", "finish 1", "job 0 succeeded"));
}

// Outputs of earlier jobs.

TEST_F(PlacementTest, OutputsOfEarlierJobsAreLostWithTheirHolder) {
  Options options;
  options.outputs_die_with_executor = true;
  use(options);
  add(0, 1, "a");
  add(1, 2, "b");
  StageSpec first = stage(0, 2, {}, {true, true});
  first.holders = {ExecutorId{0}, ExecutorId{1}};
  StageSpec second = stage(1, 2, {0}, {true, true});
  second.holders = {ExecutorId{0}, ExecutorId{1}};
  EXPECT_THAT(submit(0, {first, second, stage(2, 1, {1})}),
              ElementsAre("skip 0", "skip 1", "start 2", "launch 2.0#0 on 1"));
  EXPECT_THAT(lose(0), ElementsAre("start 0", "launch 0.0#0 on 1"));
  EXPECT_EQ(reason(0), "1 outputs were lost, 1 tasks run again");
  EXPECT_THAT(succeed(attempt(0, 0), 1), ElementsAre("recommit 0.0#0", "finish 0", "start 1", "launch 1.0#0 on 1"));
}

TEST_F(PlacementTest, WhatTheSpecificationSaysIsOnADeadExecutorIsLost) {
  Options options;
  options.outputs_die_with_executor = true;
  use(options);
  add(1, 1, "b");
  StageSpec first = stage(0, 2, {}, {true, true});
  first.holders = {ExecutorId{0}, no_executor};
  EXPECT_THAT(submit(0, {first, stage(1, 1, {0})}), ElementsAre("start 0", "launch 0.0#0 on 1"));
}

// Between jobs.

TEST_F(PlacementTest, FairSharingGivesTheNextSlotToTheJobWithFewest) {
  Options options;
  options.sharing = Sharing::fair;
  use(options);
  add(0, 4);
  EXPECT_THAT(submit(0, {stage(0, 8)}), testing::SizeIs(5));
  EXPECT_THAT(submit(1, {stage(1, 8)}), ElementsAre("start 1"));
  EXPECT_THAT(succeed(attempt(0, 0)), ElementsAre("commit 0.0#0", "launch 1.0#0 on 0"));
  EXPECT_THAT(succeed(attempt(0, 1)), ElementsAre("commit 0.1#0", "launch 1.1#0 on 0"));
  EXPECT_THAT(succeed(attempt(0, 2)), ElementsAre("commit 0.2#0", "launch 0.4#0 on 0"));
  EXPECT_THAT(succeed(attempt(1, 0)), ElementsAre("commit 1.0#0", "launch 1.2#0 on 0"));
  EXPECT_THAT(succeed(attempt(0, 3)), ElementsAre("commit 0.3#0", "launch 0.5#0 on 0"));
}

TEST_F(PlacementTest, AJobThatWaitsForItsPlaceDoesNotHoldUpTheNext) {
  for (const Sharing sharing : {Sharing::fifo, Sharing::fair}) {
    Options options;
    options.sharing = sharing;
    use(options);
    add(0, 1, "a");
    add(1, 1, "b");
    submit(0, {placed(0, {on({0}), on({0})})});
    EXPECT_THAT(submit(1, {stage(1, 1)}), ElementsAre("start 1", "launch 1.0#0 on 1"));
  }
}

// Draining.

TEST_F(PlacementTest, NothingIsLaunchedOnAnExecutorThatDrains) {
  add(0, 1, "a");
  add(1, 1, "b");
  submit(0, {stage(0, 4)});
  EXPECT_THAT(drain(0), IsEmpty());
  EXPECT_EQ(scheduler_.running_attempts(ExecutorId{0}), 1u);
  EXPECT_THAT(succeed(attempt(0, 0), 0), ElementsAre("commit 0.0#0"));
  EXPECT_EQ(scheduler_.running_attempts(ExecutorId{0}), 0u);
  EXPECT_THAT(succeed(attempt(0, 1), 1), ElementsAre("commit 0.1#0", "launch 0.2#0 on 1"));
  EXPECT_EQ(why(0, 3), "no free slot on 1 executors, 1 draining");
  EXPECT_THAT(lose(0), IsEmpty());
}

}  // namespace
}  // namespace millrace::sched
