#include "observe/timeline.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <utility>
#include <vector>

#include "observe/simulated_run.h"

namespace millrace::observe {
namespace {

AttemptRow attempt(std::uint32_t partition, std::uint32_t slot, std::int64_t started, std::int64_t ended,
                   AttemptState state = AttemptState::counted) {
  AttemptRow row;
  row.partition = PartitionId{partition};
  row.slot = slot;
  row.started = started;
  row.ended = ended;
  row.state = state;
  row.bytes_in = 1;
  return row;
}

TEST(TimelineTest, HasEveryAttemptWhileThereIsRoom) {
  Timeline live;
  RunModel model(Detail::attempts, &live);
  for (const Logged& record : simulated_run()) model.on(record);
  std::size_t attempts = 0;
  for (const StageRow& stage : model.jobs().at(JobId{0}).stages) attempts += stage.attempts.size();
  EXPECT_EQ(live.bars().size(), attempts);
  EXPECT_EQ(timeline_of(model).bars().size(), attempts);
  EXPECT_EQ(live.epoch(), 0u);
}

TEST(TimelineTest, StaysSmallAndShowsAllTheTimeThatSlotsWereBusy) {
  constexpr std::uint32_t tasks = 50'000;
  constexpr std::int64_t took = 10 * Timeline::short_time;
  Timeline timeline(1000);
  const StageRow stage;
  std::size_t most = 0;
  for (std::uint32_t i = 0; i < tasks; ++i) {
    const std::int64_t at = i / 2 * took;
    timeline.settled(stage, attempt(i, i % 2, at, at + took, i == 4321 ? AttemptState::failed : AttemptState::counted));
    most = std::max(most, timeline.bars().size());
  }
  EXPECT_LE(most, 1000u);
  EXPECT_GT(timeline.epoch(), 3u);
  EXPECT_GT(timeline.bars().size(), 300u) << "so much was not to be thrown away";
  std::int64_t busy = 0;
  std::uint64_t bytes = 0;
  std::uint32_t stands_for = 0, failed = 0;
  std::map<std::uint32_t, std::int64_t> end;
  for (const Timeline::Bar& bar : timeline.bars()) {
    EXPECT_GE(bar.started, end[bar.slot]) << "bars of a slot overlap";
    end[bar.slot] = bar.ended;
    busy += bar.ended - bar.started;
    bytes += bar.bytes_in;
    stands_for += bar.tasks;
    if (bar.state == AttemptState::failed) failed += bar.tasks;
  }
  EXPECT_EQ(busy, tasks * took);
  EXPECT_EQ(bytes, tasks);
  EXPECT_EQ(stands_for, tasks);
  EXPECT_EQ(failed, 1u);
}

TEST(TimelineTest, OfManyBarsShortNeighboursAreOneUnlessTheyWereRead) {
  constexpr std::uint32_t tasks = 50'000;
  constexpr std::int64_t took = Timeline::short_time / 10;
  Timeline timeline(10'000);
  const StageRow stage;
  std::vector<Timeline::Bar> read;
  for (std::uint32_t i = 0; i < tasks; ++i) {
    const std::int64_t at = i / 2 * took;
    timeline.settled(stage, attempt(i, i % 2, at, at + took));
    if (i != 30'005) continue;
    read = timeline.bars();
    timeline.seal();
  }
  EXPECT_EQ(timeline.epoch(), 0u) << "there was room";
  EXPECT_LT(timeline.bars().size(), 1000 + tasks / 10 + 10);
  for (std::size_t i = 0; i < read.size(); ++i) EXPECT_EQ(read[i].tasks, timeline.bars()[i].tasks) << i;
  std::uint32_t stands_for = 0;
  std::map<std::uint32_t, std::int64_t> end;
  for (const Timeline::Bar& bar : timeline.bars()) {
    EXPECT_EQ(bar.started, end[bar.slot]) << "the slot was busy all the time";
    EXPECT_LE(bar.ended - bar.started, Timeline::short_time);
    end[bar.slot] = bar.ended;
    stands_for += bar.tasks;
  }
  EXPECT_EQ(stands_for, tasks);
}

TEST(TimelineTest, DoesNotGrowByFailuresEither) {
  Timeline timeline(100);
  const StageRow stage;
  for (std::uint32_t i = 0; i < 1000; ++i) timeline.settled(stage, attempt(i, 0, i, i + 1, AttemptState::failed));
  EXPECT_LE(timeline.bars().size(), 100u);
  EXPECT_EQ(timeline.bars().back().partition, PartitionId{999});
}

}  // namespace
}  // namespace millrace::observe
