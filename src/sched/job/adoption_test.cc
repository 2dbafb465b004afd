#include "sched/job/testing.h"

// Executors that bring along what an earlier driver of the run launched on them.

namespace millrace::sched {
namespace {

constexpr std::uint32_t earlier = 7;  // the number of attempts of an earlier life

class AdoptionTest : public JobSchedulerTest {
 protected:
  Texts bring(std::uint32_t executor, std::uint32_t slots, std::vector<AttemptId> running) {
    ExecutorAdded added{ExecutorId{executor}, slots, "here"};
    added.running = std::move(running);
    return step(added);
  }
  static StageSpec with(StageSpec spec, std::vector<AttemptId> running) {
    spec.running = std::move(running);
    return spec;
  }
};

TEST_F(AdoptionTest, TheAttemptIsTheTasksFromTheBeginningAndCommitsOnce) {
  step(DriverRestarted{});
  bring(0, 1, {attempt(0, 1, earlier)});
  EXPECT_THAT(submit(0, {with(stage(0, 2), {attempt(0, 1, earlier)})}), ElementsAre("adopt 0.1#7 on 0", "start 0"));
  EXPECT_THAT(reason(0), HasSubstr("adopted"));
  EXPECT_EQ(scheduler_.running_attempts(), 1u);
  EXPECT_THAT(succeed(attempt(0, 1, earlier)), ElementsAre("commit 0.1#7", "launch 0.0#65536 on 0"));
  EXPECT_THAT(succeed(attempt(0, 0, 65536)), ElementsAre("commit 0.0#65536", "finish 0", "job 0 succeeded"));
}

TEST_F(AdoptionTest, ItKeepsItsSlotBeforeItsJobIsThere) {
  step(DriverRestarted{});
  bring(0, 1, {attempt(5, 0, earlier)});
  EXPECT_THAT(submit(0, {stage(0, 1)}), ElementsAre("start 0"));
  EXPECT_EQ(why(0, 0), "no free slot on 1 executors");
  EXPECT_THAT(succeed(attempt(5, 0, earlier)), ElementsAre("launch 0.0#65536 on 0"));
}

TEST_F(AdoptionTest, NothingElseOfItsTaskIsLaunchedOnFreeSlots) {
  bring(0, 1, {attempt(0, 0, earlier)});
  add(1, 4);
  EXPECT_THAT(submit(0, {with(stage(0, 2), {attempt(0, 0, earlier)})}),
              ElementsAre("adopt 0.0#7 on 0", "start 0", "launch 0.1#0 on 1"));
  EXPECT_THAT(succeed(attempt(0, 1), 1), ElementsAre("commit 0.1#0"));
}

TEST_F(AdoptionTest, OneOfAnotherStageIsKilled) {
  bring(0, 1, {attempt(0, 0, earlier)});
  EXPECT_THAT(submit(0, {stage(0, 1)}), ElementsAre("kill 0.0#7 on 0", "start 0"));
  EXPECT_EQ(reason(0), "its stage is another one than when it was launched");
  EXPECT_THAT(succeed(attempt(0, 0, earlier)), ElementsAre("launch 0.0#0 on 0")) << "what it gave does not count";
}

TEST_F(AdoptionTest, OneOfATaskThatTheStageDoesNotHaveIsKilled) {
  bring(0, 1, {attempt(0, 9, earlier)});
  EXPECT_THAT(submit(0, {with(stage(0, 1), {attempt(0, 9, earlier)})}), Contains("kill 0.9#7 on 0"));
}

TEST_F(AdoptionTest, OneWhoseTaskIsDoneIsKilled) {
  bring(0, 2, {attempt(0, 0, earlier)});
  EXPECT_THAT(submit(0, {with(stage(0, 2, {}, {true, false}), {attempt(0, 0, earlier)})}),
              ElementsAre("kill 0.0#7 on 0", "start 0", "launch 0.1#0 on 0"));
}

TEST_F(AdoptionTest, OfTwoAttemptsOfATaskOneGoesOn) {
  bring(0, 1, {attempt(0, 0, earlier)});
  bring(1, 1, {attempt(0, 0, earlier + 1)});
  EXPECT_THAT(submit(0, {with(stage(0, 1), {attempt(0, 0, earlier), attempt(0, 0, earlier + 1)})}),
              ElementsAre("adopt 0.0#7 on 0", "kill 0.0#8 on 1", "start 0"));
}

TEST_F(AdoptionTest, OneThatNothingNeedsIsKilled) {
  bring(0, 1, {attempt(0, 0, earlier)});
  EXPECT_THAT(submit(0, {with(stage(0, 1), {attempt(0, 0, earlier)}), stage(1, 1, {0}, {true})}),
              ElementsAre("adopt 0.0#7 on 0", "kill 0.0#7 on 0", "skip 0", "skip 1", "job 0 succeeded"));
}

TEST_F(AdoptionTest, OneThatFailsOrLosesItsExecutorRunsAgain) {
  bring(0, 1, {attempt(0, 0, earlier)});
  bring(1, 1, {attempt(0, 1, earlier)});
  submit(0, {with(stage(0, 2), {attempt(0, 0, earlier), attempt(0, 1, earlier)})});
  EXPECT_THAT(fail(attempt(0, 0, earlier), Cause::user_code), IsEmpty()) << "not on the same executor again";
  EXPECT_THAT(lose(1), ElementsAre("launch 0.0#8 on 0"));
  EXPECT_THAT(succeed(attempt(0, 0, 8)), ElementsAre("commit 0.0#8", "launch 0.1#8 on 0"));
  EXPECT_EQ(scheduler_.running_attempts(), 1u);
}

TEST_F(AdoptionTest, OneThatIsLostBeforeItsJobIsThereIsForgotten) {
  bring(0, 1, {attempt(0, 0, earlier)});
  lose(0);
  EXPECT_EQ(scheduler_.running_attempts(), 0u);
  add(1, 1);
  EXPECT_THAT(submit(0, {with(stage(0, 1), {attempt(0, 0, earlier)})}), ElementsAre("start 0", "launch 0.0#0 on 1"));
}

TEST_F(AdoptionTest, OneThatComesWhenItsStageRunsIsKilled) {
  add(0, 1);
  submit(0, {stage(0, 1)});
  EXPECT_THAT(bring(1, 1, {attempt(0, 0, earlier)}), ElementsAre("kill 0.0#7 on 1"));
  EXPECT_THAT(succeed(attempt(0, 0, earlier), 1), IsEmpty());
  EXPECT_THAT(succeed(attempt(0, 0)), Contains("commit 0.0#0"));
}

TEST_F(AdoptionTest, OneThatWaitsForAParentsOutputGoesOn) {
  bring(0, 1, {attempt(1, 0, earlier)});
  EXPECT_THAT(submit(0, {stage(0, 1), with(stage(1, 1, {0}), {attempt(1, 0, earlier)})}),
              ElementsAre("adopt 1.0#7 on 0", "start 0"));
  EXPECT_THAT(succeed(attempt(1, 0, earlier)), Contains("job 0 succeeded"));
}

TEST_F(AdoptionTest, OneThatNoJobWantsGoesWhenOthersHaveWaitedForAMinute) {
  bring(0, 1, {attempt(5, 0, earlier)});
  EXPECT_THAT(pass(100), IsEmpty()) << "nobody waits for its slot";
  submit(0, {stage(0, 1)});
  EXPECT_THAT(pass(1), ElementsAre("kill 5.0#7 on 0"));
  EXPECT_THAT(pass(100), IsEmpty()) << "once";
  EXPECT_THAT(fail(attempt(5, 0, earlier), Cause::lost_node), ElementsAre("launch 0.0#0 on 0"));
}

TEST_F(AdoptionTest, OneThatNoJobWantsStaysWhileThereIsAFreeSlot) {
  bring(0, 2, {attempt(5, 0, earlier)});
  submit(0, {stage(0, 1)});
  EXPECT_THAT(pass(100), IsEmpty());
}

TEST_F(AdoptionTest, ADrainingExecutorEndsWhatItBrought) {
  bring(0, 2, {attempt(0, 0, earlier)});
  drain(0);
  add(1, 1);
  EXPECT_THAT(submit(0, {with(stage(0, 2), {attempt(0, 0, earlier)})}),
              ElementsAre("adopt 0.0#7 on 0", "start 0", "launch 0.1#0 on 1"));
  EXPECT_THAT(succeed(attempt(0, 0, earlier)), ElementsAre("commit 0.0#7"));
}

TEST_F(AdoptionTest, ItsBackupMayComeFirst) {
  for (std::uint32_t id = 1; id < 5; ++id) add(id, 1);
  bring(0, 1, {attempt(0, 0, earlier)});
  submit(0, {with(stage(0, 5), {attempt(0, 0, earlier)})});
  now_ += 2'000'000;
  for (std::uint32_t task = 1; task < 5; ++task) succeed(attempt(0, task), task);
  EXPECT_THAT(pass(0), IsEmpty());
  EXPECT_THAT(pass(10), ElementsAre("backup 0.0#8 on 1"));
  EXPECT_THAT(succeed(attempt(0, 0, 8), 1),
              ElementsAre("kill 0.0#7 on 0", "commit 0.0#8", "finish 0", "job 0 succeeded"));
}

// It is replayed from the event log like everything else.
TEST_F(AdoptionTest, AReplayDecidesTheSame) {
  bring(0, 1, {attempt(0, 0, earlier), attempt(1, 0, earlier)});
  const JobSubmitted submitted{
      JobSpec{JobId{0}, "job", {with(stage(0, 2), {attempt(0, 0, earlier)}), stage(1, 1, {0})}}};
  const Texts here = step(submitted);
  JobScheduler other;
  std::vector<Action> actions;
  ExecutorAdded added{ExecutorId{0}, 1, "here"};
  added.running = {attempt(0, 0, earlier), attempt(1, 0, earlier)};
  other.replay(added, Time{1}, actions);
  actions.clear();
  other.replay(submitted, Time{2}, actions);
  Texts there;
  for (const Action& action : actions) there.push_back(text(action));
  EXPECT_EQ(there, here);
  EXPECT_THAT(here, ElementsAre("adopt 0.0#7 on 0", "kill 1.0#7 on 0", "start 0"));
}

}  // namespace
}  // namespace millrace::sched
