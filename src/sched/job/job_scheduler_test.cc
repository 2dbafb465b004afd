#include "sched/job/testing.h"

namespace millrace::sched {
namespace {

TEST_F(JobSchedulerTest, RunsOneTask) {
  EXPECT_THAT(add(0, 1), IsEmpty());
  EXPECT_THAT(submit(0, {stage(0, 1)}), ElementsAre("start 0", "launch 0.0#0 on 0"));
  EXPECT_EQ(scheduler_.running_attempts(), 1u);
  EXPECT_THAT(start(attempt(0, 0)), IsEmpty());
  EXPECT_THAT(succeed(attempt(0, 0)), ElementsAre("commit 0.0#0", "finish 0", "job 0 succeeded"));
  EXPECT_EQ(scheduler_.live_jobs(), 0u);
  EXPECT_EQ(scheduler_.running_attempts(), 0u);
}

TEST_F(JobSchedulerTest, EveryActionHasAReason) {
  add(0, 1);
  submit(0, {stage(0, 1, {}, {true}), stage(1, 1, {0})});
  for (std::size_t i = 0; i < actions_.size(); ++i) EXPECT_NE(reason(i), "") << text(actions_[i]);
  succeed(attempt(1, 0));
  for (std::size_t i = 0; i < actions_.size(); ++i) EXPECT_NE(reason(i), "") << text(actions_[i]);
  submit(1, {stage(2, 1)});
  step(JobCancelled{JobId{1}, "the user pressed Ctrl-C"});
  for (std::size_t i = 0; i < actions_.size(); ++i) EXPECT_NE(reason(i), "") << text(actions_[i]);
}

TEST_F(JobSchedulerTest, WaitsForExecutors) {
  EXPECT_THAT(submit(0, {stage(0, 3)}), ElementsAre("start 0"));
  EXPECT_THAT(step(Tick{}), IsEmpty());
  EXPECT_THAT(add(7, 2), ElementsAre("launch 0.0#0 on 7", "launch 0.1#0 on 7"));
  EXPECT_THAT(add(8, 0), IsEmpty());
  EXPECT_THAT(add(8, 1), ElementsAre("launch 0.2#0 on 8"));
}

TEST_F(JobSchedulerTest, FillsTheExecutorWithMostFreeSlotsFirst) {
  add(0, 1);
  add(1, 2);
  EXPECT_THAT(submit(0, {stage(0, 4)}),
              ElementsAre("start 0", "launch 0.0#0 on 1", "launch 0.1#0 on 0", "launch 0.2#0 on 1"));
  EXPECT_THAT(succeed(attempt(0, 1), 0), ElementsAre("commit 0.1#0", "launch 0.3#0 on 0"));
}

TEST_F(JobSchedulerTest, RunsStagesInTheOrderOfDependencies) {
  add(0, 4);
  EXPECT_THAT(submit(0, {stage(0, 1), stage(1, 2), stage(2, 1, {0, 1}), stage(3, 1, {2})}),
              ElementsAre("start 0", "start 1", "launch 0.0#0 on 0", "launch 1.0#0 on 0", "launch 1.1#0 on 0"));
  EXPECT_THAT(succeed(attempt(1, 1)), ElementsAre("commit 1.1#0"));
  EXPECT_THAT(succeed(attempt(0, 0)), ElementsAre("commit 0.0#0", "finish 0"));
  EXPECT_THAT(succeed(attempt(1, 0)), ElementsAre("commit 1.0#0", "finish 1", "start 2", "launch 2.0#0 on 0"));
  EXPECT_THAT(succeed(attempt(2, 0)), ElementsAre("commit 2.0#0", "finish 2", "start 3", "launch 3.0#0 on 0"));
  EXPECT_THAT(succeed(attempt(3, 0)), ElementsAre("commit 3.0#0", "finish 3", "job 0 succeeded"));
}

TEST_F(JobSchedulerTest, SkipsWhatIsDoneAndWhatOnlyThatNeeds) {
  add(0, 4);
  EXPECT_THAT(submit(0, {stage(0, 2), stage(1, 2, {0}, {true, true}), stage(2, 1, {1})}),
              ElementsAre("skip 0", "skip 1", "start 2", "launch 2.0#0 on 0"));
  EXPECT_THAT(reason(0), HasSubstr("nothing that runs needs"));
  EXPECT_THAT(reason(1), HasSubstr("exists"));
}

TEST_F(JobSchedulerTest, RunsOnlyTheMissingTasksOfAStage) {
  add(0, 4);
  EXPECT_THAT(submit(0, {stage(0, 4, {}, {true, false, true, false}), stage(1, 1, {0})}),
              ElementsAre("start 0", "launch 0.1#0 on 0", "launch 0.3#0 on 0"));
}

TEST_F(JobSchedulerTest, AJobWithNothingToDoSucceedsAtOnce) {
  EXPECT_THAT(submit(0, {stage(0, 0)}), ElementsAre("skip 0", "job 0 succeeded"));
  EXPECT_THAT(submit(1, {stage(0, 2), stage(1, 1, {0}, {true})}), ElementsAre("skip 0", "skip 1", "job 1 succeeded"));
}

TEST_F(JobSchedulerTest, JobsAreServedInTheirOrder) {
  add(0, 2);
  submit(5, {stage(9, 3)});
  EXPECT_THAT(submit(6, {stage(1, 2)}), ElementsAre("start 1"));
  EXPECT_THAT(succeed(attempt(9, 0)), ElementsAre("commit 9.0#0", "launch 9.2#0 on 0"));
  EXPECT_THAT(succeed(attempt(9, 1)), ElementsAre("commit 9.1#0", "launch 1.0#0 on 0"));
  EXPECT_THAT(succeed(attempt(9, 2)), ElementsAre("commit 9.2#0", "finish 9", "job 5 succeeded", "launch 1.1#0 on 0"));
}

TEST_F(JobSchedulerTest, ASecondSuccessCountsNothing) {
  add(0, 1);
  submit(0, {stage(0, 2)});
  EXPECT_THAT(succeed(attempt(0, 0)), ElementsAre("commit 0.0#0", "launch 0.1#0 on 0"));
  EXPECT_THAT(succeed(attempt(0, 0)), IsEmpty());
  EXPECT_EQ(scheduler_.running_attempts(), 1u);
}

TEST_F(JobSchedulerTest, UnknownAttemptsExecutorsAndJobsDoNothing) {
  add(0, 1);
  submit(0, {stage(0, 2)});
  EXPECT_THAT(succeed(attempt(0, 1)), IsEmpty());
  EXPECT_THAT(succeed(attempt(0, 99)), IsEmpty());
  EXPECT_THAT(succeed(attempt(9, 0)), IsEmpty());
  EXPECT_THAT(succeed(attempt(0, 0), 3), IsEmpty());
  EXPECT_THAT(fail(attempt(0, 0, 1), Cause::user_code), IsEmpty());
  EXPECT_THAT(start(attempt(4, 4, 4)), IsEmpty());
  EXPECT_THAT(lose(3), IsEmpty());
  EXPECT_THAT(step(JobCancelled{JobId{8}, "why"}), IsEmpty());
}

TEST_F(JobSchedulerTest, WrongSpecificationsFailTheJobAndNothingElse) {
  add(0, 1);
  submit(0, {stage(0, 2)});
  EXPECT_THAT(submit(0, {stage(1, 1)}), ElementsAre("job 0 failed internal"));
  EXPECT_THAT(submit(1, {}), ElementsAre("job 1 failed internal"));
  EXPECT_THAT(submit(1, {stage(1, 1, {2}), stage(2, 1)}), ElementsAre("job 1 failed internal"));
  EXPECT_THAT(submit(1, {stage(1, 1), stage(1, 1)}), ElementsAre("job 1 failed internal"));
  EXPECT_THAT(submit(1, {stage(1, 2, {}, {true})}), ElementsAre("job 1 failed internal"));
  EXPECT_THAT(submit(1, {stage(0, 3)}), ElementsAre("job 1 failed internal"));
  EXPECT_THAT(submit(1, {stage(3, 1), stage(0, 2, {3})}), ElementsAre("job 1 failed internal"));
  EXPECT_EQ(scheduler_.live_jobs(), 1u);
  EXPECT_THAT(succeed(attempt(0, 0)), ElementsAre("commit 0.0#0", "launch 0.1#0 on 0"));
}

// Failures, cause by cause.

TEST_F(JobSchedulerTest, UserCodeIsTriedFourTimes) {
  add(0, 1);
  submit(0, {stage(0, 1)});
  for (std::uint32_t number = 0; number < 3; ++number) {
    EXPECT_THAT(fail(attempt(0, 0, number), Cause::user_code),
                ElementsAre(fmt::format("launch 0.0#{} on 0", number + 1)));
    EXPECT_EQ(reason(0), fmt::format("attempt {} of 4: the last failed by user_code", number + 2));
  }
  EXPECT_THAT(fail(attempt(0, 0, 3), Cause::user_code), ElementsAre("job 0 failed user_code"));
  EXPECT_EQ(reason(0), "what happened (failed 4 times)");
}

TEST_F(JobSchedulerTest, OutOfMemoryIsTriedFourTimes) {
  add(0, 1);
  submit(0, {stage(0, 1)});
  for (std::uint32_t number = 0; number < 3; ++number) fail(attempt(0, 0, number), Cause::out_of_memory);
  EXPECT_THAT(fail(attempt(0, 0, 3), Cause::out_of_memory), ElementsAre("job 0 failed out_of_memory"));
}

TEST_F(JobSchedulerTest, AnInternalFailureIsTriedOnceMore) {
  add(0, 1);
  submit(0, {stage(0, 1)});
  EXPECT_THAT(fail(attempt(0, 0), Cause::internal), ElementsAre("launch 0.0#1 on 0"));
  EXPECT_THAT(fail(attempt(0, 0, 1), Cause::internal), ElementsAre("job 0 failed internal"));
}

TEST_F(JobSchedulerTest, SomeCausesFailTheJobAtOnce) {
  std::uint32_t job = 0;
  add(0, 1);
  for (const Cause cause : {Cause::bad_data, Cause::out_of_disk, Cause::input, Cause::output, Cause::usage}) {
    submit(job, {stage(job, 1)});
    EXPECT_THAT(fail(attempt(job, 0), cause), ElementsAre(fmt::format("job {} failed {}", job, name(cause))));
    EXPECT_EQ(reason(0), "what happened");
    ++job;
  }
}

TEST_F(JobSchedulerTest, BadDataIsTriedAgainWhereRecordsMayBeSkipped) {
  Options options;
  options.retry.skip_bad_records = true;
  use(options);
  add(0, 1);
  submit(0, {stage(0, 1)});
  for (std::uint32_t number = 0; number < 3; ++number) {
    EXPECT_THAT(fail(attempt(0, 0, number), Cause::bad_data),
                ElementsAre(fmt::format("launch 0.0#{} on 0", number + 1)));
  }
  EXPECT_THAT(fail(attempt(0, 0, 3), Cause::bad_data), ElementsAre("job 0 failed bad_data"));
}

TEST_F(JobSchedulerTest, LossesDoNotUseUpAttempts) {
  Options options;
  options.retry.max_losses = 6;
  use(options);
  add(0, 1);
  submit(0, {stage(0, 1)});
  for (std::uint32_t number = 0; number < 5; ++number) {
    EXPECT_THAT(fail(attempt(0, 0, number), Cause::lost_node),
                ElementsAre(fmt::format("launch 0.0#{} on 0", number + 1)));
  }
  EXPECT_THAT(fail(attempt(0, 0, 5), Cause::user_code), ElementsAre("launch 0.0#6 on 0"));
  EXPECT_THAT(fail(attempt(0, 0, 6), Cause::lost_node), ElementsAre("job 0 failed lost_node"));
  EXPECT_EQ(reason(0), "what happened (lost 6 times)");
}

TEST_F(JobSchedulerTest, ARetryGoesToAnotherExecutorWhenThereIsOne) {
  add(0, 1);
  add(1, 1);
  submit(0, {stage(0, 1)});
  EXPECT_THAT(fail(attempt(0, 0), Cause::user_code, 0), ElementsAre("launch 0.0#1 on 1"));
  EXPECT_THAT(fail(attempt(0, 0, 1), Cause::user_code, 1), ElementsAre("launch 0.0#2 on 0"));
}

TEST_F(JobSchedulerTest, AJobThatFailsStopsItsOtherAttempts) {
  add(0, 3);
  submit(0, {stage(0, 5)});
  EXPECT_THAT(fail(attempt(0, 1), Cause::input),
              ElementsAre("kill 0.0#0 on 0", "kill 0.2#0 on 0", "job 0 failed input"));
  // What was killed holds its slot until it answers, and its answer counts for nothing.
  EXPECT_THAT(submit(1, {stage(1, 3)}), ElementsAre("start 1", "launch 1.0#0 on 0"));
  EXPECT_THAT(succeed(attempt(0, 0)), ElementsAre("launch 1.1#0 on 0"));
  EXPECT_THAT(fail(attempt(0, 2), Cause::user_code), ElementsAre("launch 1.2#0 on 0"));
}

TEST_F(JobSchedulerTest, CancellingStopsAttemptsAndLeavesOtherJobs) {
  add(0, 2);
  submit(0, {stage(0, 1)});
  submit(1, {stage(1, 1)});
  start(attempt(0, 0));
  EXPECT_THAT(step(JobCancelled{JobId{0}, "Ctrl-C"}), ElementsAre("kill 0.0#0 on 0", "job 0 failed usage"));
  EXPECT_EQ(reason(1), "cancelled: Ctrl-C");
  EXPECT_THAT(succeed(attempt(0, 0)), IsEmpty());
  EXPECT_THAT(succeed(attempt(1, 0)), ElementsAre("commit 1.0#0", "finish 1", "job 1 succeeded"));
}

// Executors that are lost.

TEST_F(JobSchedulerTest, AttemptsOfALostExecutorRunElsewhere) {
  add(0, 2);
  submit(0, {stage(0, 2)});
  EXPECT_THAT(lose(0), IsEmpty());
  EXPECT_EQ(scheduler_.running_attempts(), 0u);
  EXPECT_THAT(add(1, 2), ElementsAre("launch 0.0#1 on 1", "launch 0.1#1 on 1"));
  EXPECT_THAT(succeed(attempt(0, 0, 0), 0), IsEmpty());
  EXPECT_THAT(succeed(attempt(0, 0, 1), 1), ElementsAre("commit 0.0#1"));
}

TEST_F(JobSchedulerTest, AnExecutorThatComesBackIsANewOne) {
  add(0, 1);
  submit(0, {stage(0, 1)});
  lose(0);
  EXPECT_THAT(add(0, 1), ElementsAre("launch 0.0#1 on 0"));
  EXPECT_THAT(succeed(attempt(0, 0, 0)), IsEmpty());
  EXPECT_THAT(succeed(attempt(0, 0, 1)), ElementsAre("commit 0.0#1", "finish 0", "job 0 succeeded"));
}

TEST_F(JobSchedulerTest, OutputsSurviveTheirExecutorUnlessSaidOtherwise) {
  add(0, 1);
  submit(0, {stage(0, 1), stage(1, 1, {0})});
  succeed(attempt(0, 0));
  lose(0);
  EXPECT_THAT(add(1, 1), ElementsAre("launch 1.0#1 on 1"));
}

TEST_F(JobSchedulerTest, OutputsDieWithTheirExecutor) {
  Options options;
  options.outputs_die_with_executor = true;
  use(options);
  add(0, 1);
  add(1, 1);
  submit(0, {stage(0, 2), stage(1, 3, {0})});
  succeed(attempt(0, 0), 0);
  EXPECT_THAT(succeed(attempt(0, 1), 1),
              ElementsAre("commit 0.1#0", "finish 0", "start 1", "launch 1.0#0 on 0", "launch 1.1#0 on 1"));
  // Task 1.1 goes on: it may have read what it needs. Nothing new of stage 1 starts before 0.0 is made again.
  EXPECT_THAT(lose(0), ElementsAre("start 0"));
  EXPECT_THAT(succeed(attempt(1, 1), 1), ElementsAre("commit 1.1#0", "launch 0.0#1 on 1"));
  EXPECT_THAT(succeed(attempt(0, 0, 1), 1), ElementsAre("recommit 0.0#1", "finish 0", "start 1", "launch 1.0#1 on 1"));
  // The result stage's outputs are with the driver: those of the lost executor stay.
  EXPECT_THAT(lose(1), ElementsAre("start 0"));
  EXPECT_THAT(add(2, 4), ElementsAre("launch 0.0#2 on 2", "launch 0.1#1 on 2"));
  succeed(attempt(0, 0, 2), 2);
  EXPECT_THAT(succeed(attempt(0, 1, 1), 2),
              ElementsAre("recommit 0.1#1", "finish 0", "start 1", "launch 1.0#2 on 2", "launch 1.2#0 on 2"));
}

TEST_F(JobSchedulerTest, LostOutputThatNobodyNeedsStaysLost) {
  Options options;
  options.outputs_die_with_executor = true;
  use(options);
  add(0, 1);
  submit(0, {stage(0, 1), stage(1, 1, {0}), stage(2, 1, {1})});
  succeed(attempt(0, 0));
  lose(0);
  add(1, 1);
  succeed(attempt(0, 0, 1), 1);
  EXPECT_THAT(succeed(attempt(1, 0), 1), IsEmpty());
  EXPECT_THAT(succeed(attempt(1, 0, 0), 1), IsEmpty());
}

// Lost input.

TEST_F(JobSchedulerTest, LostInputIsMadeAgainAndTheReaderWaits) {
  add(0, 2);
  submit(0, {stage(0, 2), stage(1, 1, {0})});
  succeed(attempt(0, 0));
  succeed(attempt(0, 1));
  EXPECT_THAT(fail(attempt(1, 0), Cause::lost_input, 0, {attempt(0, 1)}), ElementsAre("start 0", "launch 0.1#1 on 0"));
  EXPECT_THAT(reason(0), HasSubstr("1 outputs were lost"));
  EXPECT_EQ(reason(1), "its output was lost");
  EXPECT_THAT(succeed(attempt(0, 1, 1)), ElementsAre("recommit 0.1#1", "finish 0", "start 1", "launch 1.0#1 on 0"));
  EXPECT_THAT(succeed(attempt(1, 0, 1)), ElementsAre("commit 1.0#1", "finish 1", "job 0 succeeded"));
}

TEST_F(JobSchedulerTest, LostInputIsMadeAgainThroughTheLineage) {
  add(0, 2);
  // Stage 0 was not even run by this job: the output of stage 1 was there.
  EXPECT_THAT(submit(0, {stage(0, 1), stage(1, 1, {0}, {true}), stage(2, 1, {1})}),
              ElementsAre("skip 0", "skip 1", "start 2", "launch 2.0#0 on 0"));
  EXPECT_THAT(fail(attempt(2, 0), Cause::lost_input, 0, {attempt(1, 0)}), ElementsAre("start 0", "launch 0.0#0 on 0"));
  EXPECT_THAT(succeed(attempt(0, 0)), ElementsAre("commit 0.0#0", "finish 0", "start 1", "launch 1.0#0 on 0"));
  EXPECT_THAT(fail(attempt(1, 0), Cause::lost_input, 0, {attempt(0, 0)}), ElementsAre("start 0", "launch 0.0#1 on 0"));
  EXPECT_THAT(succeed(attempt(0, 0, 1)), ElementsAre("recommit 0.0#1", "finish 0", "start 1", "launch 1.0#1 on 0"));
  EXPECT_THAT(succeed(attempt(1, 0, 1)), ElementsAre("recommit 1.0#1", "finish 1", "start 2", "launch 2.0#1 on 0"));
  EXPECT_THAT(succeed(attempt(2, 0, 1)), ElementsAre("commit 2.0#1", "finish 2", "job 0 succeeded"));
}

TEST_F(JobSchedulerTest, TheSecondReportOfTheSameLossDoesNotRunItTwice) {
  add(0, 2);
  submit(0, {stage(0, 1), stage(1, 2, {0})});
  succeed(attempt(0, 0));
  EXPECT_THAT(fail(attempt(1, 0), Cause::lost_input, 0, {attempt(0, 0)}), ElementsAre("start 0", "launch 0.0#1 on 0"));
  EXPECT_THAT(succeed(attempt(0, 0, 1)), ElementsAre("recommit 0.0#1", "finish 0", "start 1", "launch 1.0#1 on 0"));
  // 1.1#0 began before 0.0#1 was done: what it missed was the output of 0.0#0.
  EXPECT_THAT(fail(attempt(1, 1), Cause::lost_input, 0, {attempt(0, 0)}), ElementsAre("launch 1.1#1 on 0"));
  EXPECT_THAT(fail(attempt(1, 1, 1), Cause::lost_input, 0, {attempt(0, 0)}),
              ElementsAre("start 0", "launch 0.0#2 on 0"));
}

TEST_F(JobSchedulerTest, ALossThatNamesNoParentIsOnlyARetry) {
  add(0, 1);
  submit(0, {stage(0, 1), stage(1, 1, {0})});
  succeed(attempt(0, 0));
  EXPECT_THAT(fail(attempt(1, 0), Cause::lost_input, 0, {attempt(7, 0), attempt(0, 9), attempt(1, 0)}),
              ElementsAre("launch 1.0#1 on 0"));
}

TEST_F(JobSchedulerTest, InputThatIsAlwaysLostEndsTheJob) {
  Options options;
  options.retry.max_losses = 3;
  use(options);
  add(0, 1);
  submit(0, {stage(0, 1), stage(1, 1, {0})});
  for (std::uint32_t number = 0; number < 2; ++number) {
    succeed(attempt(0, 0, number));
    fail(attempt(1, 0, number), Cause::lost_input, 0, {attempt(0, 0)});
  }
  succeed(attempt(0, 0, 2));
  EXPECT_THAT(fail(attempt(1, 0, 2), Cause::lost_input, 0, {attempt(0, 0)}), ElementsAre("job 0 failed lost_input"));
}

TEST_F(JobSchedulerTest, AStageThatFinishesWhileItsParentRunsAgainStopsTheParent) {
  add(0, 2);
  submit(0, {stage(0, 1), stage(1, 2, {0}), stage(2, 1, {1})});
  succeed(attempt(0, 0));
  // 1.0 cannot read 0.0, so it must run again; and 1.1, which could, succeeds meanwhile.
  EXPECT_THAT(fail(attempt(1, 0), Cause::lost_input, 0, {attempt(0, 0)}), ElementsAre("start 0", "launch 0.0#1 on 0"));
  EXPECT_THAT(succeed(attempt(1, 1)), ElementsAre("commit 1.1#0"));
  EXPECT_THAT(succeed(attempt(0, 0, 1)), ElementsAre("recommit 0.0#1", "finish 0", "start 1", "launch 1.0#1 on 0"));
}

TEST_F(JobSchedulerTest, WhatIsNoLongerNeededIsStopped) {
  Options options;
  options.outputs_die_with_executor = true;
  use(options);
  add(0, 1);
  add(1, 1);
  submit(0, {stage(0, 1), stage(1, 1, {0})});
  add(0, 0);  // executor 0 takes nothing after 0.0
  EXPECT_THAT(succeed(attempt(0, 0), 0), ElementsAre("commit 0.0#0", "finish 0", "start 1", "launch 1.0#0 on 1"));
  EXPECT_THAT(lose(0), ElementsAre("start 0"));
  EXPECT_THAT(add(2, 1), ElementsAre("launch 0.0#1 on 2"));
  EXPECT_THAT(succeed(attempt(1, 0), 1),
              ElementsAre("commit 1.0#0", "kill 0.0#1 on 2", "skip 0", "finish 1", "job 0 succeeded"));
  EXPECT_THAT(succeed(attempt(0, 0, 1), 2), IsEmpty());
  EXPECT_EQ(scheduler_.running_attempts(), 0u);
}

// Stages that several jobs share.

TEST_F(JobSchedulerTest, ASharedStageRunsOnceForBothJobs) {
  add(0, 4);
  submit(0, {stage(0, 1), stage(1, 1, {0})});
  EXPECT_THAT(submit(1, {stage(0, 1), stage(2, 1, {0})}), IsEmpty());
  EXPECT_THAT(succeed(attempt(0, 0)),
              ElementsAre("commit 0.0#0", "finish 0", "start 1", "start 2", "launch 1.0#0 on 0", "launch 2.0#0 on 0"));
}

TEST_F(JobSchedulerTest, ASharedStageOutlivesTheJobThatStartedIt) {
  add(0, 4);
  submit(0, {stage(0, 2), stage(1, 1, {0})});
  submit(1, {stage(0, 2), stage(2, 1, {0})});
  EXPECT_THAT(step(JobCancelled{JobId{0}, "enough"}), ElementsAre("job 0 failed usage"));
  succeed(attempt(0, 0));
  EXPECT_THAT(succeed(attempt(0, 1)), ElementsAre("commit 0.1#0", "finish 0", "start 2", "launch 2.0#0 on 0"));
}

TEST_F(JobSchedulerTest, ASharedStageThatFailsEndsBothJobs) {
  add(0, 4);
  submit(0, {stage(0, 2), stage(1, 1, {0})});
  submit(1, {stage(0, 2), stage(2, 1, {0})});
  EXPECT_THAT(fail(attempt(0, 0), Cause::input),
              ElementsAre("job 0 failed input", "kill 0.1#0 on 0", "job 1 failed input"));
  EXPECT_EQ(scheduler_.live_jobs(), 0u);
}

TEST_F(JobSchedulerTest, AttemptNumbersGoOnInTheNextJob) {
  add(0, 2);
  submit(0, {stage(0, 1), stage(1, 1, {0})});
  fail(attempt(0, 0), Cause::user_code);
  succeed(attempt(0, 0, 1));
  succeed(attempt(1, 0));
  EXPECT_THAT(submit(1, {stage(0, 1), stage(2, 1, {0})}), ElementsAre("start 0", "launch 0.0#2 on 0"));
}

TEST_F(JobSchedulerTest, WhatAnEarlierJobCommittedIsNotCountedAgain) {
  add(0, 1);
  submit(0, {stage(0, 2), stage(1, 1, {0})});
  succeed(attempt(0, 0));
  EXPECT_THAT(step(JobCancelled{JobId{0}, "why"}), ElementsAre("kill 0.1#0 on 0", "job 0 failed usage"));
  fail(attempt(0, 1), Cause::lost_node);
  submit(1, {stage(0, 2), stage(2, 1, {0})});  // its output was lost in between
  EXPECT_THAT(succeed(attempt(0, 0, 1)), ElementsAre("recommit 0.0#1", "launch 0.1#1 on 0"));
  EXPECT_THAT(succeed(attempt(0, 1, 1)), ElementsAre("commit 0.1#1", "finish 0", "start 2", "launch 2.0#0 on 0"));
}

}  // namespace
}  // namespace millrace::sched
