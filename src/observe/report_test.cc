#include "observe/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "observe/event_encoder.h"
#include "observe/event_log.h"
#include "observe/findings.h"
#include "observe/simulated_run.h"

namespace millrace::observe {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

RunModel model_of(const std::vector<Logged>& records) {
  RunModel model;
  for (const Logged& record : records) model.on(record);
  return model;
}

TEST(ReportTest, IsTheSameFromTheLogAlone) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SimulatedRunOptions options;
    options.seed = seed;
    options.failures = 0.1;
    options.fatal = seed % 4 == 0;
    const auto records = simulated_run(options);
    std::string log = event_log_header();
    for (const Logged& record : records) append_event(log, record);
    RunModel again;
    EventLogReader reader("log", log);
    for (Logged record; reader.next(record);) again.on(record);
    EXPECT_EQ(render_text(again), render_text(model_of(records))) << "seed=" << seed;
  }
}

TEST(ReportTest, TellsTheRun) {
  const std::string text = render_text(model_of(simulated_run()));
  EXPECT_THAT(text, HasSubstr("millrace ngrams -n 3 /data/books -o /data/out --threads 6"));
  EXPECT_THAT(text, HasSubstr("2026-09-21 14:13:20 UTC"));
  EXPECT_THAT(text, HasSubstr("memory=4 GiB"));
  EXPECT_THAT(text, HasSubstr("read_text > flat_map > map > combine_by_key"));
  EXPECT_THAT(text, HasSubstr("skipped"));
  EXPECT_THAT(text, HasSubstr("executor 2 (node-02) was lost: no heartbeat for 10 s"));
  EXPECT_THAT(text, HasSubstr("user_code: flat_map (ngrams.cpp:22) threw"));
  EXPECT_THAT(text, HasSubstr("    stage 1: parallelize(stop words) > map\n"));
  EXPECT_THAT(text, HasSubstr("words"));
  EXPECT_THAT(text, HasSubstr("succeeded"));
}

TEST(ReportTest, TellsWhyARunFailed) {
  SimulatedRunOptions options;
  options.fatal = true;
  const std::string text = render_text(model_of(simulated_run(options)));
  EXPECT_THAT(text, HasSubstr(", failed\n"));
  EXPECT_THAT(text, HasSubstr("Error    no space left on /tmp/millrace"));
  EXPECT_THAT(text, HasSubstr("out_of_disk: no space left on /tmp/millrace"));
}

TEST(ReportTest, AnEmptyLogHasAReport) {
  const std::string text = render_text(RunModel());
  EXPECT_THAT(text, HasSubstr("unfinished"));
  EXPECT_THAT(text, Not(HasSubstr("Failures")));
}

TEST(ReportTest, Dates) {
  EXPECT_EQ(date_text(0), "1970-01-01 00:00:00 UTC");
  EXPECT_EQ(date_text(std::int64_t{1} << 53), "2255-06-05 23:47:34 UTC");
}

class FindingsTest : public testing::Test {
 protected:
  FindingsTest() {
    model_.on({Time{0}, sched::ExecutorAdded{ExecutorId{0}, 1, ""}});
    sched::JobSpec job{JobId{0}, "job", {{StageId{0}, "read", 5, {}, {}, 0}}};
    model_.on({Time{0}, sched::JobSubmitted{job}});
    model_.on({Time{0}, sched::StageStarted{JobId{0}, StageId{0}, ""}});
  }
  void run_task(std::uint32_t partition, std::int64_t took, sched::TaskMetrics metrics, double computing = 1) {
    metrics.cpu_microseconds = static_cast<std::int64_t>(static_cast<double>(took) * computing);
    const AttemptId attempt{StageId{0}, PartitionId{partition}, 0};
    model_.on({Time{now_}, sched::LaunchTask{JobId{0}, attempt, ExecutorId{0}, ""}});
    now_ += took;
    model_.on({Time{now_}, sched::TaskSucceeded{attempt, ExecutorId{0}, metrics}});
    model_.on({Time{now_}, sched::TaskCommitted{JobId{0}, attempt, ExecutorId{0}, true, ""}});
  }
  RunModel model_;
  std::int64_t now_ = 0;
};

TEST_F(FindingsTest, NothingStandsOutOfAnEvenRun) {
  for (std::uint32_t i = 0; i < 5; ++i) run_task(i, 1'000'000, {});
  EXPECT_THAT(findings(model_), IsEmpty());
}

TEST_F(FindingsTest, AnUnevenStageIsExplainedByItsBytes) {
  sched::TaskMetrics metrics;
  metrics.shuffle_bytes_read = 1 << 20;
  for (std::uint32_t i = 0; i < 4; ++i) run_task(i, 1'000'000, metrics);
  metrics.shuffle_bytes_read = 8 << 20;
  run_task(4, 8'000'000, metrics);
  EXPECT_THAT(findings(model_),
              ElementsAre(HasSubstr("task 4 took 8.00 s, 8.00x the median, because it read 8.00 MiB")));
}

TEST_F(FindingsTest, AnUnevenStageWithEvenBytesPointsElsewhere) {
  for (std::uint32_t i = 0; i < 4; ++i) run_task(i, 1'000'000, {});
  run_task(4, 8'000'000, {});
  EXPECT_THAT(findings(model_), ElementsAre(HasSubstr("though it read no more than others")));
}

TEST_F(FindingsTest, TasksWhoseSplitsOthersReadMakeNoStageUneven) {
  sched::TaskMetrics metrics;
  metrics.bytes_in = 8 << 20;
  run_task(0, 8'000'000, metrics);
  run_task(1, 8'000'000, metrics);
  for (std::uint32_t i = 2; i < 5; ++i) run_task(i, 10, {});
  EXPECT_THAT(findings(model_), IsEmpty());
}

TEST_F(FindingsTest, SkippedRecordsComeFirst) {
  sched::TaskMetrics metrics;
  metrics.skipped_records = 3;
  metrics.spills = 1;
  metrics.spilled_bytes = 1 << 30;
  run_task(0, 1'000'000, metrics);
  EXPECT_THAT(findings(model_),
              ElementsAre(HasSubstr("left out 3 bad records"), HasSubstr("spilled 1.00 GiB in 1 spill")));
}

TEST_F(FindingsTest, WaitingIsNamed) {
  run_task(0, 1'000'000, {}, 0.25);
  EXPECT_THAT(findings(model_), ElementsAre(HasSubstr("Tasks waited for 75% of the slot time")));
}

TEST_F(FindingsTest, IdleSlotsAreNamed) {
  run_task(0, 1'000'000, {});
  model_.on({Time{10'000'000}, sched::Tick{}});
  EXPECT_THAT(findings(model_), Contains(HasSubstr("Slots had no task for 90%")));
}

}  // namespace
}  // namespace millrace::observe
