#include "observe/page_data.h"

#include <cstddef>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "observe/simulated_run.h"

namespace millrace::observe {
namespace {

using nlohmann::json;

// What a page does with the updates: jobs replace those that it has, bars are added.
struct Page {
  std::map<int, json> jobs;
  std::size_t bars = 0;
  PageCursor cursor;

  json read(const RunModel& model, Timeline& timeline) {
    json data = json::parse(page_data(page_update(model, timeline, cursor, true)));
    cursor = PageCursor::from(data["cursor"].get<std::string>());
    for (const json& job : data["jobs"]) jobs[job["id"]] = job;
    if (data["allBars"]) bars = 0;
    bars += data["bars"]["start"].size();
    return data;
  }
};

TEST(PageDataTest, PiecesAddUpToTheWhole) {
  for (const std::size_t every : {1u, 7u, 50u}) {
    SCOPED_TRACE(every);
    Timeline timeline(every == 7 ? 20 : 1000);  // with and without a loss of detail on the way
    RunModel model(Detail::totals, &timeline);
    Page piecewise, whole;
    std::size_t count = 0;
    for (const Logged& record : simulated_run()) {
      model.on(record);
      if (++count % every == 0) piecewise.read(model, timeline);
    }
    piecewise.read(model, timeline);
    whole.read(model, timeline);
    EXPECT_EQ(piecewise.bars, timeline.bars().size());
    EXPECT_EQ(whole.bars, timeline.bars().size());
    EXPECT_EQ(piecewise.jobs, whole.jobs);
    EXPECT_EQ(piecewise.read(model, timeline)["jobs"].size(), 0u) << "nothing is new";
  }
}

TEST(PageDataTest, ACursorThatIsNoneIsTheBeginning) {
  for (const char* text : {"", "x", "1", "1.2", "1.2.", "1.2.3x", "-1.2.3", "1..3", "99999999999999999999.1.1"}) {
    EXPECT_EQ(PageCursor::from(text).text(), "0.0.0") << text;
  }
  EXPECT_EQ(PageCursor::from("12.3.456").text(), "12.3.456");
}

TEST(PageDataTest, SaysWhyTasksArePending) {
  Timeline timeline;
  RunModel model(Detail::totals, &timeline);
  const auto pending = [&](std::size_t stage) {
    const json data = json::parse(page_data(page_update(model, timeline, {}, true)));
    return data["jobs"][0]["stages"][stage]["pending"].get<std::string>();
  };
  sched::JobSpec job{JobId{0}, "job", {}};
  job.stages.push_back({StageId{0}, "read", 3, {}, {}, 100});
  job.stages.push_back({StageId{1}, "write", 1, {StageId{0}}, {}, 0});
  model.on({Time{0}, sched::JobSubmitted{job}});
  model.on({Time{0}, sched::StageStarted{JobId{0}, StageId{0}, ""}});
  EXPECT_EQ(pending(0), "3 tasks wait: no executor is there");
  EXPECT_EQ(pending(1), "waits for stage 0 (0 of 3 tasks done)");
  model.on({Time{1}, sched::ExecutorAdded{ExecutorId{0}, 2, "here"}});
  EXPECT_EQ(pending(0), "3 tasks wait to be placed, near their input or after a failure");
  for (std::uint32_t partition = 0; partition < 2; ++partition) {
    model.on({Time{2}, sched::LaunchTask{JobId{0}, {StageId{0}, PartitionId{partition}, 0}, ExecutorId{0}, ""}});
  }
  EXPECT_EQ(pending(0), "1 task waits for a slot: all 2 are busy");
  model.on({Time{3}, sched::ExecutorSetAside{ExecutorId{0}, Time{9}, "it failed"}});
  EXPECT_EQ(pending(0), "1 task waits: all 1 executors are set aside or leaving");
  model.on({Time{4}, sched::JobFailed{JobId{0}, Cause::user_code, ""}});
  EXPECT_EQ(pending(0), "");
}

}  // namespace
}  // namespace millrace::observe
