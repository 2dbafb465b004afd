#include "observe/trace.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <unistd.h>
#include <vector>

#include <millrace/error.h>

#include "observe/simulated_run.h"

namespace millrace::observe {
namespace {

using nlohmann::json;

std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class TraceTest : public testing::Test {
 protected:
  TraceTest() : path_(testing::TempDir() + "millrace-trace-" + std::to_string(getpid())) {}
  ~TraceTest() override { std::filesystem::remove(path_); }

  json trace_of(const std::vector<Logged>& records) {
    TraceWriter writer(path_);
    for (const Logged& record : records) writer.on(record);
    writer.close();
    return json::parse(file_text(path_));
  }
  static std::vector<json> of_phase(const json& trace, const std::string& phase) {
    std::vector<json> events;
    for (const json& event : trace) {
      if (event.at("ph") == phase) events.push_back(event);
    }
    return events;
  }

  const std::string path_;
};

// What a viewer relies on: on a track, slices follow one another.
void expect_no_overlap(const std::vector<json>& slices) {
  std::map<std::pair<int, int>, std::vector<std::pair<std::int64_t, std::int64_t>>> tracks;
  for (const json& slice : slices) {
    const std::int64_t from = slice.at("ts");
    const std::int64_t took = slice.at("dur");
    EXPECT_GE(took, 0);
    tracks[{slice.at("pid"), slice.at("tid")}].push_back({from, from + took});
  }
  for (auto& [track, times] : tracks) {
    std::sort(times.begin(), times.end());
    for (std::size_t i = 1; i < times.size(); ++i) {
      EXPECT_LE(times[i - 1].second, times[i].first) << "process " << track.first << " track " << track.second;
    }
  }
}

TEST_F(TraceTest, HasASliceForEveryAttemptAndNoTwoOfASlotOverlap) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    SimulatedRunOptions options;
    options.seed = seed;
    options.failures = 0.15;
    options.fatal = seed % 4 == 0;
    const auto records = simulated_run(options);
    const json trace = trace_of(records);
    const auto slices = of_phase(trace, "X");
    expect_no_overlap(slices);
    RunModel model;
    for (const Logged& record : records) model.on(record);
    std::size_t attempts = 0;
    std::map<std::string, std::size_t> outcomes;
    for (const StageRow& stage : model.jobs().at(JobId{0}).stages) {
      attempts += stage.attempts.size();
      for (const AttemptRow& attempt : stage.attempts) ++outcomes[name(attempt.state)];
    }
    EXPECT_EQ(slices.size(), attempts);
    for (const json& slice : slices) {
      --outcomes[slice.at("cat")];
      EXPECT_LE(slice.at("tid").get<int>(), 2) << "an executor has two slots";
    }
    for (const auto& [outcome, left] : outcomes) EXPECT_EQ(left, 0u) << outcome;
  }
}

TEST_F(TraceTest, NamesTracksJobsStagesAndWhatWentWrong) {
  SimulatedRunOptions options;
  options.failures = 0.1;
  const json trace = trace_of(simulated_run(options));
  std::set<std::string> names;
  for (const json& event : of_phase(trace, "M")) names.insert(event.at("args").at("name"));
  for (const char* name : {"driver", "executor 0 (node-00)", "executor 2 (node-02)", "slot 1", "slot 2"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  std::set<std::string> spans;
  for (const json& event : of_phase(trace, "b")) spans.insert(event.at("name"));
  EXPECT_TRUE(spans.contains("job 0 write_text (ngrams.cpp:31): succeeded"));
  EXPECT_TRUE(spans.contains("stage 2 reduce_by_key"));
  EXPECT_EQ(of_phase(trace, "b").size(), of_phase(trace, "e").size());
  bool lost = false, failed = false;
  for (const json& event : of_phase(trace, "i")) {
    lost = lost || event.at("name") == "executor lost: no heartbeat for 10 s";
    failed = failed || (event.at("name").get<std::string>().starts_with("failed (user_code): stage ") &&
                        event.at("args").at("message").get<std::string>().find("out_of_range") != std::string::npos);
  }
  EXPECT_TRUE(lost);
  EXPECT_TRUE(failed);
}

TEST_F(TraceTest, TheCounterEndsAtZeroAndNeverExceedsTheSlots) {
  const auto counters = of_phase(trace_of(simulated_run()), "C");
  ASSERT_GT(counters.size(), 10u);
  std::int64_t last = -1;
  for (const json& event : counters) {
    EXPECT_GT(event.at("ts").get<std::int64_t>(), last);
    last = event.at("ts");
    EXPECT_LE(event.at("args").at("running").get<int>(), 6);
  }
  EXPECT_EQ(counters.back().at("args").at("running"), 0);
}

TEST_F(TraceTest, MetricsAreArguments) {
  const AttemptId attempt{StageId{0}, PartitionId{4}, 1};
  sched::TaskMetrics metrics;
  metrics.bytes_in = 11;
  metrics.spilled_bytes = 12;
  metrics.cpu_microseconds = 13;
  const json trace = trace_of({
      {Time{0}, sched::ExecutorAdded{ExecutorId{7}, 1, "here"}},
      {Time{0}, sched::JobSubmitted{{JobId{0}, "job", {{StageId{0}, "read \"quoted\"", 5, {}, {}, 0}}}}},
      {Time{1}, sched::LaunchTask{JobId{0}, attempt, ExecutorId{7}, ""}},
      {Time{4}, sched::TaskStarted{attempt, ExecutorId{7}}},
      {Time{44}, sched::TaskSucceeded{attempt, ExecutorId{7}, metrics}},
      {Time{44}, sched::TaskCommitted{JobId{0}, attempt, ExecutorId{7}, true, ""}},
  });
  const auto slices = of_phase(trace, "X");
  ASSERT_EQ(slices.size(), 1u);
  const json& slice = slices.front();
  EXPECT_EQ(slice.at("name"), "read \"quoted\"");
  EXPECT_EQ(slice.at("pid"), 8);
  EXPECT_EQ(slice.at("ts"), 4);
  EXPECT_EQ(slice.at("dur"), 40);
  const json& arguments = slice.at("args");
  EXPECT_EQ(arguments.at("partition"), 4);
  EXPECT_EQ(arguments.at("attempt"), 1);
  EXPECT_EQ(arguments.at("waited_us"), 3);
  EXPECT_EQ(arguments.at("bytes_in"), 11);
  EXPECT_EQ(arguments.at("spilled_bytes"), 12);
  EXPECT_EQ(arguments.at("cpu_us"), 13);
  EXPECT_EQ(arguments.at("outcome"), "counted");
}

TEST_F(TraceTest, ARunWithoutAJobIsATraceToo) { EXPECT_TRUE(trace_of({}).is_array()); }

TEST_F(TraceTest, APlaceThatCannotBeWrittenIsNamed) {
  try {
    TraceWriter writer("/nowhere/at/all");
    FAIL() << "it was opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), Cause::output);
    EXPECT_STREQ(error.what(), "cannot write the trace /nowhere/at/all: No such file or directory");
  }
}

TEST_F(TraceTest, AFullDiskIsToldAtTheEnd) {
  TraceWriter writer("/dev/full");
  for (const Logged& record : simulated_run()) writer.on(record);
  EXPECT_THROW(writer.close(), Error);
}

}  // namespace
}  // namespace millrace::observe
