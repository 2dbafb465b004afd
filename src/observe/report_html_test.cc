#include "observe/report_html.h"

#include <algorithm>
#include <cstddef>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "observe/event_encoder.h"
#include "observe/event_log.h"
#include "observe/simulated_run.h"

namespace millrace::observe {
namespace {

using testing::HasSubstr;
using testing::Not;

RunModel model_of(const std::vector<Logged>& records) {
  RunModel model;
  for (const Logged& record : records) model.on(record);
  return model;
}

nlohmann::json data_of(const std::string& html) {
  const std::string start = "<script type=\"application/json\" id=\"run-data\">";
  const std::size_t from = html.find(start) + start.size();
  return nlohmann::json::parse(html.substr(from, html.find("</script>", from) - from));
}

TEST(ReportHtmlTest, IsTheSameFromTheLogAlone) {
  SimulatedRunOptions options;
  options.failures = 0.1;
  const auto records = simulated_run(options);
  std::string log = event_log_header();
  for (const Logged& record : records) append_event(log, record);
  RunModel again;
  EventLogReader reader("log", log);
  for (Logged record; reader.next(record);) again.on(record);
  EXPECT_EQ(render_html(again), render_html(model_of(records)));
}

TEST(ReportHtmlTest, NeedsNothingButItself) {
  const std::string html = render_html(model_of(simulated_run()));
  for (const char* outside : {"http://", "https://", "src=", "<link", "@import", "url(", "fetch(", "import("}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
}

TEST(ReportHtmlTest, TellsTheRun) {
  const std::string html = render_html(model_of(simulated_run()));
  EXPECT_THAT(html, HasSubstr("<code>millrace ngrams -n 3 /data/books -o /data/out --threads 6</code>"));
  EXPECT_THAT(html, HasSubstr("read_text &gt; flat_map &gt; map &gt; combine_by_key"));
  EXPECT_THAT(html, HasSubstr("stage 1: parallelize(stop words) &gt; map"));
  EXPECT_THAT(html, HasSubstr("no heartbeat for 10 s"));
  EXPECT_THAT(html, HasSubstr("std::out_of_range"));
  EXPECT_THAT(html, HasSubstr("empty lines"));
  EXPECT_THAT(html, HasSubstr("4 GiB"));
}

TEST(ReportHtmlTest, TheTimelineHasEveryAttempt) {
  const RunModel model = model_of(simulated_run());
  const auto data = data_of(render_html(model));
  ASSERT_EQ(data["stages"].size(), model.jobs().at(JobId{0}).stages.size());
  for (const auto& stage : data["stages"]) {
    const auto& row = model.jobs().at(JobId{0}).stages.at(stage["id"].get<std::size_t>());
    for (const char* column : {"partition", "attempt", "executor", "state", "start", "took", "read", "written"}) {
      EXPECT_EQ(stage[column].size(), row.attempts.size()) << column;
    }
  }
  EXPECT_EQ(data["executors"].size(), model.executors().size());
}

TEST(ReportHtmlTest, TooManyAttemptsAreSampled) {
  RunModel model;
  model.on({Time{0}, sched::ExecutorAdded{ExecutorId{0}, 1, ""}});
  model.on({Time{0}, sched::JobSubmitted{{JobId{0}, "job", {{StageId{0}, "read", 600'000, {}, {}, 0}}}}});
  for (std::uint32_t partition = 0; partition < 600'000; ++partition) {
    const AttemptId attempt{StageId{0}, PartitionId{partition}, 0};
    model.on({Time{partition}, sched::LaunchTask{JobId{0}, attempt, ExecutorId{0}, ""}});
    if (partition % 1000 == 1) {
      model.on({Time{partition + 1}, sched::TaskFailed{attempt, ExecutorId{0}, {}, {}}});
      continue;
    }
    model.on({Time{partition + 1}, sched::TaskSucceeded{attempt, ExecutorId{0}, {}}});
    model.on({Time{partition + 1}, sched::TaskCommitted{JobId{0}, attempt, ExecutorId{0}, true, ""}});
  }
  const std::string html = render_html(model);
  EXPECT_THAT(html, HasSubstr("shows a sample"));
  const auto states = data_of(html)["stages"][0]["state"];
  EXPECT_LT(states.size(), 251'000u);
  EXPECT_EQ(std::count(states.begin(), states.end(), static_cast<int>(AttemptState::failed)), 600);
}

TEST(ReportHtmlTest, TextFromOutsideStaysText) {
  const std::string attack = "</script><script>alert(1)</script><!-- & \"quotes\" \xFF";
  RunModel model;
  model.on({Time{0}, RunStarted{1, attack, attack, attack, attack, 1, 1, {{attack, attack}}}});
  model.on({Time{0}, sched::ExecutorAdded{ExecutorId{0}, 1, attack}});
  model.on({Time{0}, JobPlanned{JobId{0}, attack, {{attack, 1}}, attack}});
  model.on({Time{0}, sched::JobSubmitted{{JobId{0}, attack, {{StageId{0}, attack, 1, {}, {}, 0}}}}});
  model.on({Time{0}, sched::StageStarted{JobId{0}, StageId{0}, attack}});
  const AttemptId attempt{StageId{0}, PartitionId{0}, 0};
  model.on({Time{0}, sched::LaunchTask{JobId{0}, attempt, ExecutorId{0}, attack}});
  sched::TaskMetrics metrics;
  metrics.counters[attack] = 1;
  model.on({Time{5}, sched::TaskFailed{attempt, ExecutorId{0}, {Cause::user_code, attack, {}}, metrics}});
  model.on({Time{5}, sched::JobFailed{JobId{0}, Cause::user_code, attack}});
  model.on({Time{6}, sched::ExecutorLost{ExecutorId{0}, attack}});
  model.on({Time{6}, RunEnded{1, attack}});
  const std::string html = render_html(model);
  EXPECT_THAT(html, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(html, Not(HasSubstr("<!--")));
  EXPECT_EQ(data_of(html)["stages"][0]["name"], "</script><script>alert(1)</script><!-- & \"quotes\" \xEF\xBF\xBD");
}

TEST(ReportHtmlTest, AnEmptyLogHasAPage) { EXPECT_THAT(render_html(RunModel()), HasSubstr("unfinished")); }

}  // namespace
}  // namespace millrace::observe
