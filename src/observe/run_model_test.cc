#include "observe/run_model.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "observe/pending.h"
#include "observe/report.h"
#include "observe/simulated_run.h"

namespace millrace::observe {
namespace {

// A model that is told of one job of two stages on one executor, and events at times of one's choice.
class RunModelTest : public testing::Test {
 protected:
  RunModelTest() {
    put(0, sched::ExecutorAdded{executor_, 2, "here"});
    sched::JobSpec job{JobId{0}, "job", {}};
    job.stages.push_back({StageId{0}, "read", 3, {}, {true, false, false}, 100});
    job.stages.push_back({StageId{1}, "write", 1, {StageId{0}}, {}, 0});
    put(10, sched::JobSubmitted{job});
  }

  template <class Value>
  void put(std::int64_t at, Value value) {
    model_.on({Time{at}, value});
  }
  void launch(std::int64_t at, const AttemptId& attempt) {
    put(at, sched::LaunchTask{JobId{0}, attempt, executor_, "why"});
  }
  void succeed(std::int64_t at, const AttemptId& attempt, const sched::TaskMetrics& metrics = {}, bool first = true) {
    put(at, sched::TaskSucceeded{attempt, executor_, metrics});
    put(at, sched::TaskCommitted{JobId{0}, attempt, executor_, first, "why"});
  }
  static AttemptId attempt(std::uint32_t stage, std::uint32_t partition, std::uint32_t number = 0) {
    return {StageId{stage}, PartitionId{partition}, number};
  }
  const StageRow& stage(std::size_t index) const { return model_.jobs().at(JobId{0}).stages.at(index); }

  const ExecutorId executor_{0};
  RunModel model_;
};

TEST_F(RunModelTest, CountsTheExecutorsThatWereAskedForAndGivenBack) {
  EXPECT_FALSE(model_.growth().any());
  put(20, sched::ExecutorsAsked{4, "tasks wait"});
  put(30, sched::ExecutorAdded{ExecutorId{1}, 2, "there"});
  put(31, sched::ExecutorAdded{ExecutorId{1}, 3, "there"});  // the same one: its slots changed
  EXPECT_EQ(model_.growth().outstanding, 3u);
  put(40, sched::RequestsRefused{1, "the partition is closed"});
  put(50, sched::RequestsWithdrawn{1, "nothing waits"});
  put(60, sched::ExecutorDraining{ExecutorId{1}, "nothing to do"});
  put(61, sched::ExecutorDraining{ExecutorId{1}, "nothing to do"});
  put(70, sched::ExecutorLost{ExecutorId{1}, "it was given back"});
  const GrowthRow& growth = model_.growth();
  EXPECT_EQ(growth.asked, 4u);
  EXPECT_EQ(growth.outstanding, 1u);
  EXPECT_EQ(growth.refused, 1u);
  EXPECT_EQ(growth.withdrawn, 1u);
  EXPECT_EQ(growth.given_back, 1u);
  EXPECT_EQ(growth.last_asked, 20);
  EXPECT_EQ(growth.last_refusal, "the partition is closed");
  const std::string report = render_text(model_);
  EXPECT_NE(
      report.find("4 asked for, 1 taken back before they came, 1 refused (the partition is closed), 1 given back"),
      std::string::npos)
      << report;
  EXPECT_NE(report.find("executor 1 (there), there since 30 us, was given back: nothing to do"), std::string::npos);
  EXPECT_EQ(report.find("was lost"), std::string::npos);
}

TEST_F(RunModelTest, AWaitingTaskIsToldWhatIsDoneAboutIt) {
  put(11, sched::StageStarted{JobId{0}, StageId{0}, "why"});
  launch(12, attempt(0, 1));
  put(13, sched::ExecutorAdded{executor_, 1, "here"});
  put(20, sched::ExecutorsAsked{2, "tasks wait"});
  put(1'000'020, sched::Tick{});
  const JobRow& job = model_.jobs().at(JobId{0});
  EXPECT_EQ(why_pending(model_, job, stage(0)),
            "1 task waits for a slot: all 1 are busy; 2 more executors were asked for, the last 1.00 s ago");
  put(1'000'030, sched::RequestsRefused{2, "the partition is closed"});
  EXPECT_EQ(why_pending(model_, job, stage(0)),
            "1 task waits for a slot: all 1 are busy; more executors were refused: the partition is closed");
}

TEST_F(RunModelTest, KnowsAStageBeforeItRuns) {
  EXPECT_EQ(stage(0).state, StageProgress::waiting);
  EXPECT_EQ(stage(0).done, 1u);
  EXPECT_EQ(stage(0).done_before, 1u);
  EXPECT_EQ(stage(0).elapsed(50), 0);
  EXPECT_EQ(stage(1).parents, std::vector<StageId>{StageId{0}});
  EXPECT_EQ(model_.jobs().at(JobId{0}).submitted, 10);
}

TEST_F(RunModelTest, AnAttemptCountsWhenItIsCommitted) {
  put(20, sched::StageStarted{JobId{0}, StageId{0}, "why"});
  launch(20, attempt(0, 1));
  EXPECT_EQ(stage(0).running, 1u);
  put(25, sched::TaskStarted{attempt(0, 1), executor_});
  sched::TaskMetrics metrics;
  metrics.bytes_in = 7;
  metrics.shuffle_bytes_read = 3;
  metrics.peak_memory = 5;
  metrics.cpu_microseconds = 60;
  metrics.counters["seen"] = 2;
  put(125, sched::TaskSucceeded{attempt(0, 1), executor_, metrics});
  EXPECT_EQ(stage(0).done, 1u);
  EXPECT_EQ(stage(0).surplus, 1u);
  EXPECT_EQ(stage(0).wasted_time, 100);
  put(125, sched::TaskCommitted{JobId{0}, attempt(0, 1), executor_, true, "why"});
  EXPECT_EQ(stage(0).done, 2u);
  EXPECT_EQ(stage(0).surplus, 0u);
  EXPECT_EQ(stage(0).wasted_time, 0);
  EXPECT_EQ(stage(0).task_time, 100);
  EXPECT_EQ(stage(0).bytes_read(), 10u);
  EXPECT_EQ(model_.totals().counters.at("seen"), 2);
  ASSERT_EQ(stage(0).attempts.size(), 1u);
  EXPECT_EQ(stage(0).attempts[0].state, AttemptState::counted);
  EXPECT_EQ(stage(0).attempts[0].launched, 20);
  EXPECT_EQ(stage(0).attempts[0].duration(), 100);
  EXPECT_EQ(model_.executors().at(executor_).busy, 100);
}

TEST_F(RunModelTest, AnAttemptThatWaitsAtItsExecutorHasNoSlotYet) {
  put(15, sched::ExecutorAdded{executor_, 1, "here"});
  put(20, sched::StageStarted{JobId{0}, StageId{0}, "why"});
  launch(20, attempt(0, 1));
  launch(20, attempt(0, 2));
  put(21, sched::TaskStarted{attempt(0, 1), executor_});
  EXPECT_EQ(model_.running().at(attempt(0, 1)).row.slot, 0u);
  EXPECT_EQ(model_.running().at(attempt(0, 2)).row.slot, no_slot);
  succeed(30, attempt(0, 1));
  put(31, sched::TaskStarted{attempt(0, 2), executor_});
  succeed(40, attempt(0, 2));
  ASSERT_EQ(stage(0).attempts.size(), 2u);
  EXPECT_EQ(stage(0).attempts[0].slot, 0u);
  EXPECT_EQ(stage(0).attempts[1].slot, 0u) << "the slot that the first one left";
}

TEST_F(RunModelTest, AnAdoptedAttemptRunsAtOnceAndIsNamed) {
  put(20, sched::LaunchTask{JobId{0}, attempt(0, 1, 7), executor_, "why", false, true});
  EXPECT_EQ(model_.running().at(attempt(0, 1, 7)).row.slot, 0u);
  succeed(50, attempt(0, 1, 7));
  EXPECT_EQ(stage(0).adopted, 1u);
  EXPECT_EQ(stage(0).done, 2u);
  EXPECT_NE(render_text(model_).find("adopted 1 attempts that an earlier driver"), std::string::npos);
}

TEST_F(RunModelTest, AnAttemptStartsWithItsLaunchWhereNoneWaits) {
  put(20, sched::StageStarted{JobId{0}, StageId{0}, "why"});
  launch(20, attempt(0, 1));
  launch(20, attempt(0, 2));
  EXPECT_EQ(model_.running().at(attempt(0, 1)).row.slot, 0u);
  EXPECT_EQ(model_.running().at(attempt(0, 2)).row.slot, 1u);
  sched::TaskMetrics metrics;
  metrics.wall_microseconds = 40;
  succeed(70, attempt(0, 1), metrics);
  metrics.wall_microseconds = 400;
  succeed(80, attempt(0, 2), metrics);
  EXPECT_EQ(stage(0).attempts[0].started, 30) << "40 before its end";
  EXPECT_EQ(stage(0).attempts[1].started, 20) << "never before its launch";
}

TEST_F(RunModelTest, FailuresAreKeptWithTheirCause) {
  launch(20, attempt(0, 1));
  put(30, sched::TaskFailed{attempt(0, 1), executor_, {Cause::user_code, "boom", {}}, {}});
  EXPECT_EQ(stage(0).failed, 1u);
  EXPECT_EQ(stage(0).wasted_time, 10);
  ASSERT_EQ(model_.failures().size(), 1u);
  EXPECT_EQ(model_.failures()[0].message, "boom");
  EXPECT_EQ(stage(0).attempts[0].cause, Cause::user_code);
}

TEST_F(RunModelTest, WhatWasKilledIsNoFailure) {
  launch(20, attempt(0, 1));
  launch(20, attempt(0, 2));
  put(25, sched::KillTask{JobId{0}, attempt(0, 1), executor_, "why"});
  put(25, sched::KillTask{JobId{0}, attempt(0, 2), executor_, "why"});
  put(30, sched::TaskFailed{attempt(0, 1), executor_, {Cause::user_code, "killed", {}}, {}});
  put(30, sched::TaskSucceeded{attempt(0, 2), executor_, {}});
  EXPECT_EQ(stage(0).killed, 2u);
  EXPECT_EQ(stage(0).failed, 0u);
  EXPECT_EQ(stage(0).surplus, 0u);
  EXPECT_TRUE(model_.failures().empty());
}

TEST_F(RunModelTest, ALostExecutorEndsItsAttempts) {
  launch(20, attempt(0, 1));
  put(40, sched::ExecutorLost{executor_, "gone"});
  put(40, sched::ExecutorLost{executor_, "gone"});
  EXPECT_EQ(stage(0).lost, 1u);
  EXPECT_EQ(stage(0).running, 0u);
  EXPECT_TRUE(model_.running().empty());
  EXPECT_EQ(model_.executors().at(executor_).lost, 40);
  put(100, sched::Tick{});
  EXPECT_EQ(model_.slot_time().total, 80);
}

TEST_F(RunModelTest, OutputThatIsMadeAgainAddsNoTotals) {
  sched::TaskMetrics metrics;
  metrics.records_in = 5;
  put(20, sched::StageStarted{JobId{0}, StageId{0}, "why"});
  launch(20, attempt(0, 1));
  succeed(30, attempt(0, 1), metrics);
  put(30, sched::StageFinished{JobId{0}, StageId{0}, "why"});
  put(40, sched::StageStarted{JobId{0}, StageId{0}, "again"});
  EXPECT_EQ(stage(0).state, StageProgress::running);
  launch(40, attempt(0, 1, 1));
  succeed(50, attempt(0, 1, 1), metrics, false);
  put(50, sched::StageFinished{JobId{0}, StageId{0}, "why"});
  EXPECT_EQ(stage(0).totals.records_in, 5u);
  EXPECT_EQ(stage(0).made_again, 1u);
  EXPECT_EQ(stage(0).done, 2u);
  EXPECT_EQ(stage(0).starts, 2u);
  EXPECT_EQ(stage(0).elapsed(99), 30);
}

TEST_F(RunModelTest, AFailedJobFailsTheStagesThatRan) {
  put(20, sched::StageStarted{JobId{0}, StageId{0}, "why"});
  put(30, sched::JobFailed{JobId{0}, Cause::input, "no such file"});
  EXPECT_EQ(stage(0).state, StageProgress::failed);
  EXPECT_EQ(stage(1).state, StageProgress::skipped);
  EXPECT_EQ(model_.jobs().at(JobId{0}).state, JobProgress::failed);
  EXPECT_EQ(model_.jobs().at(JobId{0}).elapsed(99), 20);
}

TEST_F(RunModelTest, SlotTimeSaysWhereItWent) {
  sched::TaskMetrics metrics;
  metrics.cpu_microseconds = 30;
  launch(20, attempt(0, 1));
  succeed(70, attempt(0, 1), metrics);  // 50, of which 30 computing
  launch(70, attempt(0, 2));
  put(80, sched::TaskFailed{attempt(0, 2), executor_, {}, {}});
  put(100, RunEnded{0, ""});
  const SlotTime time = model_.slot_time();
  EXPECT_EQ(time.total, 200);
  EXPECT_EQ(time.cpu, 30);
  EXPECT_EQ(time.waiting, 20);
  EXPECT_EQ(time.wasted, 10);
  EXPECT_EQ(time.idle, 140);
  EXPECT_EQ(model_.time_with_tasks(), 60);
}

TEST_F(RunModelTest, SpreadIsOverTasksThatCounted) {
  EXPECT_EQ(spread_of_time(stage(0)).skew(), 0);
  launch(10, attempt(0, 0));
  launch(10, attempt(0, 1));
  launch(10, attempt(0, 2));
  launch(10, attempt(0, 2, 1));
  put(20, sched::TaskFailed{attempt(0, 2), executor_, {}, {}});
  succeed(30, attempt(0, 0));
  succeed(50, attempt(0, 1));
  EXPECT_EQ(spread_of_time(stage(0)).median, 30);
  succeed(110, attempt(0, 2, 1));
  const Spread spread = spread_of_time(stage(0));
  EXPECT_EQ(spread.least, 20);
  EXPECT_EQ(spread.median, 40);
  EXPECT_EQ(spread.most, 100);
  EXPECT_EQ(spread.skew(), 2.5);
}

TEST_F(RunModelTest, RecordsOfUnknownThingsChangeNothing) {
  const AttemptId unknown = attempt(9, 9, 9);
  put(20, sched::TaskStarted{unknown, executor_});
  put(20, sched::TaskSucceeded{unknown, executor_, {}});
  put(20, sched::TaskFailed{unknown, executor_, {}, {}});
  put(20, sched::TaskCommitted{JobId{9}, unknown, executor_, true, ""});
  put(20, sched::LaunchTask{JobId{9}, unknown, executor_, ""});
  put(20, sched::LaunchTask{JobId{0}, unknown, executor_, ""});
  put(20, sched::KillTask{JobId{9}, unknown, executor_, ""});
  put(20, sched::StageStarted{JobId{0}, StageId{9}, ""});
  put(20, sched::JobFailed{JobId{9}, Cause::input, ""});
  put(20, sched::ExecutorLost{ExecutorId{9}, ""});
  EXPECT_EQ(model_.jobs().size(), 1u);
  EXPECT_TRUE(model_.running().empty());
}

TEST(RunModelOfARunTest, AgreesWithWhatTheRecordsSay) {
  SimulatedRunOptions options;
  options.tasks = 400;
  options.failures = 0.1;
  const auto records = simulated_run(options);
  RunModel full(Detail::attempts), sums(Detail::totals);
  std::size_t launches = 0, commits = 0, failures = 0;
  for (const Logged& record : records) {
    full.on(record);
    sums.on(record);
    launches += std::holds_alternative<sched::LaunchTask>(record.value);
    failures += std::holds_alternative<sched::TaskFailed>(record.value);
    const auto* commit = std::get_if<sched::TaskCommitted>(&record.value);
    commits += commit != nullptr && commit->first;
  }
  const JobRow& job = full.jobs().at(JobId{0});
  EXPECT_EQ(job.state, JobProgress::succeeded);
  std::size_t attempts = 0, done = 0, again = 0, lost = 0;
  for (const StageRow& stage : job.stages) {
    attempts += stage.attempts.size();
    done += stage.done - stage.done_before;
    again += stage.made_again;
    lost += stage.lost;
    EXPECT_EQ(stage.running, 0u);
    EXPECT_EQ(stage.done, stage.tasks);
    EXPECT_EQ(stage.totals.counters, sums.jobs().at(JobId{0}).stages.at(stage.id.value).totals.counters);
  }
  EXPECT_EQ(attempts, launches);
  EXPECT_EQ(done, commits);
  EXPECT_EQ(full.failure_count(), failures);
  EXPECT_GT(failures, 0u);
  EXPECT_GT(again, 0u);
  EXPECT_GT(lost, 0u);
  EXPECT_GT(spread_of_time(job.stages[2]).skew(), 2);
  EXPECT_EQ(sums.totals().records_in, full.totals().records_in);
  EXPECT_TRUE(sums.jobs().at(JobId{0}).stages[0].attempts.empty());
  const SlotTime time = full.slot_time();
  EXPECT_NEAR(time.total, time.cpu + time.waiting + time.wasted + time.idle, 1);
  EXPECT_GT(time.wasted, 0);
}

}  // namespace
}  // namespace millrace::observe
