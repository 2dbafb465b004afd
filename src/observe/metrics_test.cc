#include "observe/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "observe/simulated_run.h"

namespace millrace::observe {
namespace {

using testing::HasSubstr;

// Sample by name and labels; fails the test where the text is not in the format.
std::map<std::string, double> samples_of(const std::string& text) {
  std::map<std::string, double> samples;
  std::set<std::string> described, typed;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first, second, name;
    words >> first >> second >> name;
    if (first == "#") {
      auto& seen = second == "HELP" ? described : typed;
      EXPECT_TRUE(seen.insert(name).second) << line;
      continue;
    }
    const std::size_t space = line.rfind(' ');
    EXPECT_TRUE(samples.emplace(line.substr(0, space), std::stod(line.substr(space + 1))).second) << line;
    std::string family = line.substr(0, line.find_first_of("{ "));
    for (const char* suffix : {"_bucket", "_sum", "_count"}) {
      if (family.ends_with(suffix)) family.resize(family.size() - std::string(suffix).size());
    }
    EXPECT_TRUE(described.contains(family) && typed.contains(family)) << line;
  }
  return samples;
}

TEST(MetricsTest, AreThoseOfTheModel) {
  SimulatedRunOptions options;
  options.failures = 0.1;
  RunModel model(Detail::totals);
  for (const Logged& record : simulated_run(options)) model.on(record);
  const auto samples = samples_of(metrics_text(metrics_of(model)));
  const auto totals = model.totals();
  std::uint64_t failed = 0, lost = 0, done = 0;
  for (const StageRow& stage : model.jobs().at(JobId{0}).stages) {
    failed += stage.failed;
    lost += stage.lost;
    done += stage.done - stage.done_before + stage.made_again;
  }
  ASSERT_GT(failed, 0u);
  EXPECT_EQ(samples.at("millrace_task_attempts_total{outcome=\"counted\"}"), done);
  EXPECT_EQ(samples.at("millrace_task_attempts_total{outcome=\"failed\"}"), failed);
  EXPECT_EQ(samples.at("millrace_task_attempts_total{outcome=\"lost\"}"), lost);
  EXPECT_EQ(samples.at("millrace_read_bytes_total"), static_cast<double>(totals.bytes_in));
  EXPECT_EQ(samples.at("millrace_spilled_bytes_total"), static_cast<double>(totals.spilled_bytes));
  EXPECT_EQ(samples.at("millrace_tasks_running"), 0);
  EXPECT_EQ(samples.at("millrace_tasks_pending"), 0);
  EXPECT_EQ(samples.at("millrace_executors"), 2);
  EXPECT_EQ(samples.at("millrace_executors_lost"), 1);
  EXPECT_EQ(samples.at("millrace_slots"), 4);
  EXPECT_EQ(samples.at("millrace_jobs{state=\"succeeded\"}"), 1);
  EXPECT_EQ(samples.at("millrace_stages{state=\"skipped\"}"), 1);
  EXPECT_EQ(samples.at("millrace_user_value{name=\"words\"}"), static_cast<double>(totals.counters.at("words")));
}

TEST(MetricsTest, TheHistogramIsCumulative) {
  RunModel model(Detail::totals);
  for (const Logged& record : simulated_run()) model.on(record);
  const std::string text = metrics_text(metrics_of(model));
  double last = -1;
  std::istringstream lines(text);
  int buckets = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("millrace_task_duration_seconds_bucket")) continue;
    ++buckets;
    const double count = std::stod(line.substr(line.rfind(' ') + 1));
    EXPECT_GE(count, last) << line;
    last = count;
  }
  EXPECT_EQ(buckets, 12);
  EXPECT_EQ(last, samples_of(text).at("millrace_task_duration_seconds_count"));
  EXPECT_GT(last, 0);
}

TEST(MetricsTest, LabelsAreEscaped) {
  RunModel model(Detail::totals);
  RunStarted run;
  run.version = "a\"b\\c\nd";
  model.on({Time{0}, run});
  EXPECT_THAT(metrics_text(metrics_of(model)), HasSubstr("{version=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

}  // namespace
}  // namespace millrace::observe
