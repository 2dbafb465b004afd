#include "sched/job/testing.h"

// Second attempts of tasks that are slow.

namespace millrace::sched {
namespace {

class BackupsTest : public JobSchedulerTest {
 protected:
  // Four tasks on four executors; the first three end after ten seconds, the fourth goes on.
  void run_three_of_four() {
    for (std::uint32_t id = 0; id < 4; ++id) add(id, 1, fmt::format("host {}", id));
    submit(0, {stage(0, 4)});
    for (std::uint32_t id = 0; id < 4; ++id) start(attempt(0, id), id);
    pass(10);
    for (std::uint32_t id = 0; id < 3; ++id) succeed(attempt(0, id), id);
  }
};

TEST_F(BackupsTest, ATaskThatTakesMuchLongerGetsABackup) {
  run_three_of_four();
  EXPECT_THAT(pass(4), IsEmpty());
  EXPECT_THAT(pass(4), ElementsAre("backup 0.3#1 on 0"));
  EXPECT_THAT(reason(0), HasSubstr("backup: attempt 0 needs 18.0 s more at its rate, a task takes"));
  EXPECT_EQ(scheduler_.running_backups(), 1u);
  EXPECT_THAT(pass(4), IsEmpty());
}

TEST_F(BackupsTest, TheFirstToSucceedCountsAndTheOtherIsKilled) {
  run_three_of_four();
  pass(10);
  start(attempt(0, 3, 1), 0);
  EXPECT_THAT(succeed(attempt(0, 3, 1), 0),
              ElementsAre("kill 0.3#0 on 3", "commit 0.3#1", "finish 0", "job 0 succeeded"));
  EXPECT_THAT(succeed(attempt(0, 3, 0), 3), IsEmpty());
  EXPECT_EQ(scheduler_.running_backups(), 0u);
  EXPECT_EQ(scheduler_.running_attempts(), 0u);
}

TEST_F(BackupsTest, TheFirstAttemptMayStillWin) {
  run_three_of_four();
  pass(10);
  EXPECT_THAT(succeed(attempt(0, 3, 0), 3),
              ElementsAre("kill 0.3#1 on 0", "commit 0.3#0", "finish 0", "job 0 succeeded"));
}

TEST_F(BackupsTest, ABackupTakesThePlaceOfAnAttemptThatFails) {
  run_three_of_four();
  pass(10);
  EXPECT_THAT(lose(3), IsEmpty());
  EXPECT_EQ(scheduler_.running_backups(), 0u);
  EXPECT_THAT(fail(attempt(0, 3, 1), Cause::user_code, 0), ElementsAre("launch 0.3#2 on 1"));
}

TEST_F(BackupsTest, ABackupThatFailsChangesNothingForTheAttempt) {
  run_three_of_four();
  pass(10);
  EXPECT_THAT(fail(attempt(0, 3, 1), Cause::user_code, 0), IsEmpty());
  EXPECT_THAT(succeed(attempt(0, 3, 0), 3), ElementsAre("commit 0.3#0", "finish 0", "job 0 succeeded"));
}

TEST_F(BackupsTest, AJobThatFailsEndsBothAttempts) {
  run_three_of_four();
  pass(10);
  EXPECT_THAT(step(JobCancelled{JobId{0}, "why"}),
              ElementsAre("kill 0.3#0 on 3", "kill 0.3#1 on 0", "job 0 failed usage"));
  EXPECT_EQ(scheduler_.running_backups(), 0u);
}

TEST_F(BackupsTest, ProgressTellsWhoIsSlowBeforeAnyTaskHasEnded) {
  for (std::uint32_t id = 0; id < 5; ++id) add(id, 1, fmt::format("host {}", id));
  submit(0, {stage(0, 4)});
  pass(5);
  for (std::uint32_t id = 0; id < 3; ++id) progress(attempt(0, id), id, 0.5);
  progress(attempt(0, 3), 3, 0.1);
  EXPECT_THAT(pass(0.1), ElementsAre("backup 0.3#1 on 4"));
}

TEST_F(BackupsTest, OneThatIsNearlyThereNeedsNone) {
  run_three_of_four();
  progress(attempt(0, 3), 3, 0.9);
  EXPECT_THAT(pass(20), IsEmpty());
}

TEST_F(BackupsTest, TheOneWithMostLeftComesFirst) {
  for (std::uint32_t id = 0; id < 5; ++id) add(id, 1, fmt::format("host {}", id));
  submit(0, {stage(0, 5)});
  pass(10);
  for (std::uint32_t id = 0; id < 1; ++id) succeed(attempt(0, id), id);
  progress(attempt(0, 1), 1, 0.2);
  progress(attempt(0, 2), 2, 0.1);
  progress(attempt(0, 3), 3, 0.15);
  progress(attempt(0, 4), 4, 0.3);
  EXPECT_THAT(pass(0.1), ElementsAre("backup 0.2#1 on 0"));
}

TEST_F(BackupsTest, ThereAreNeverMoreThanTheirShare) {
  Options options;
  options.backups.share_of_slots = 0.25;
  use(options);
  for (std::uint32_t id = 0; id < 12; ++id) add(id, 2, fmt::format("host {}", id));
  submit(0, {stage(0, 24)});
  pass(10);
  for (std::uint32_t task = 0; task < 12; ++task) succeed(attempt(0, task), task);
  EXPECT_EQ(pass(20).size(), 6u);
  EXPECT_EQ(pass(20).size(), 0u);
}

TEST_F(BackupsTest, TasksThatWaitComeBeforeBackups) {
  add(0, 1, "a");
  add(1, 1, "b");
  submit(0, {stage(0, 3)});
  pass(10);
  EXPECT_THAT(succeed(attempt(0, 0), 0), ElementsAre("commit 0.0#0", "launch 0.2#0 on 0"));
  EXPECT_THAT(pass(30), IsEmpty());
}

TEST_F(BackupsTest, NothingIsBackedUpWhileItsInputIsBeingMadeAgain) {
  for (std::uint32_t id = 0; id < 4; ++id) add(id, 1, fmt::format("host {}", id));
  submit(0, {stage(0, 1), stage(1, 3, {0})});
  succeed(attempt(0, 0), 0);
  EXPECT_THAT(pass(10), IsEmpty());
  succeed(attempt(1, 0), 0);
  EXPECT_THAT(fail(attempt(1, 1), Cause::lost_input, 1, {attempt(0, 0)}), ElementsAre("start 0", "launch 0.0#1 on 0"));
  progress(attempt(1, 2), 2, 0.1);
  EXPECT_THAT(pass(0.5), IsEmpty());
  EXPECT_THAT(succeed(attempt(0, 0, 1), 0), ElementsAre("recommit 0.0#1", "finish 0", "start 1", "launch 1.1#1 on 0"));
  EXPECT_THAT(pass(0.1), ElementsAre("backup 1.2#1 on 1"));
}

TEST_F(BackupsTest, NoneGoesToASlowExecutorOrToTheSameOne) {
  add(0, 1, "a");
  add(1, 1, "b");
  submit(0, {stage(0, 12)});
  std::uint32_t fast = 0;
  // Executor 1 takes ten times as long for each task.
  for (std::uint32_t task = 2; task < 12; ++task) {
    pass(1);
    succeed(attempt(0, fast), 0);
    fast = task;
  }
  EXPECT_THAT(succeed(attempt(0, 1), 1), ElementsAre("commit 0.1#0"));
  EXPECT_THAT(pass(30), IsEmpty()) << "executor 1 is free, and slow";
  EXPECT_THAT(add(2, 1, "c"), IsEmpty());
  EXPECT_THAT(pass(1), ElementsAre("backup 0.11#1 on 2"));
}

TEST_F(BackupsTest, OneExecutorBacksUpNothing) {
  add(0, 4);
  submit(0, {stage(0, 4)});
  pass(10);
  for (std::uint32_t task = 0; task < 3; ++task) succeed(attempt(0, task), 0);
  EXPECT_THAT(pass(1000), IsEmpty());
}

}  // namespace
}  // namespace millrace::sched
