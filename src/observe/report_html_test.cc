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
  std::string own = html;
  for (const char* name : {"http://www.w3.org/2000/svg", "<link rel=\"icon\" href=\"data:,\">"}) {
    for (std::size_t at; (at = own.find(name)) != std::string::npos;) own.erase(at, std::string(name).size());
  }
  for (const char* outside : {"http://", "https://", "src=", "<link", "@import", "url(", "import("}) {
    EXPECT_THAT(own, Not(HasSubstr(outside)));
  }
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
}

TEST(ReportHtmlTest, TellsTheRun) {
  const auto data = data_of(render_html(model_of(simulated_run())));
  EXPECT_EQ(data["run"]["command"], "millrace ngrams -n 3 /data/books -o /data/out --threads 6");
  EXPECT_EQ(data["run"]["options"]["memory"], "4 GiB");
  EXPECT_EQ(data["state"], "succeeded");
  ASSERT_EQ(data["jobs"].size(), 1u);
  EXPECT_EQ(data["jobs"][0]["stages"][0]["name"], "read_text > flat_map > map > combine_by_key");
  EXPECT_EQ(data["jobs"][0]["stages"][0]["done"], 40);
  EXPECT_THAT(data["jobs"][0]["plan"].get<std::string>(), HasSubstr("stage 1: parallelize(stop words) > map"));
  EXPECT_EQ(data["executors"][2]["lostReason"], "no heartbeat for 10 s");
  EXPECT_THAT(data["failures"].dump(), HasSubstr("std::out_of_range"));
  EXPECT_TRUE(data["totals"]["counters"].contains("empty lines"));
  EXPECT_FALSE(data["findings"].empty());
}

TEST(ReportHtmlTest, TheTimelineHasEveryAttempt) {
  const RunModel model = model_of(simulated_run());
  const auto data = data_of(render_html(model));
  std::size_t attempts = 0;
  for (const StageRow& stage : model.jobs().at(JobId{0}).stages) attempts += stage.attempts.size();
  for (const auto& [column, values] : data["bars"].items()) EXPECT_EQ(values.size(), attempts) << column;
  EXPECT_EQ(data["bars"].size(), 14u);
  EXPECT_EQ(data["executors"].size(), model.executors().size());
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
  EXPECT_EQ(data_of(html)["jobs"][0]["stages"][0]["name"],
            "</script><script>alert(1)</script><!-- & \"quotes\" \xEF\xBF\xBD");
}

TEST(ReportHtmlTest, AnEmptyLogHasAPage) { EXPECT_EQ(data_of(render_html(RunModel()))["state"], "unfinished"); }

}  // namespace
}  // namespace millrace::observe
