#include "sim/world.h"

#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <utility>

namespace millrace::sim {
namespace {

constexpr std::uint64_t seeds_a_test = 500;

void expect_no_fault(std::uint64_t seed, std::map<std::string, std::uint64_t>& reached) {
  const Outcome outcome = simulate(seed);
  EXPECT_EQ(outcome.fault, "") << "the whole story: millrace simulate --chaos --seed " << seed;
  for (const auto& [what, count] : outcome.reached) reached[what] += count;
}

// 10,000 seeds in parts that run side by side; MILLRACE_SIM_SEED runs that seed alone.
class SimulationTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SimulationTest, TheSchedulerKeepsItsPromises) {
  std::map<std::string, std::uint64_t> reached;
  if (const char* seed = std::getenv("MILLRACE_SIM_SEED")) {
    return expect_no_fault(std::strtoull(seed, nullptr, 10), reached);
  }
  for (std::uint64_t seed = GetParam() * seeds_a_test; seed < (GetParam() + 1) * seeds_a_test; ++seed) {
    expect_no_fault(seed, reached);
    if (HasFailure()) return;
  }
  for (const char* what : {"launched",
                           "killed",
                           "made again",
                           "input lost",
                           "late or repeated success refused",
                           "backup launched",
                           "backup won",
                           "waits behind others",
                           "called back",
                           "set aside",
                           "readmitted",
                           "launched where its input is",
                           "job succeeded",
                           "job failed",
                           "executor killed",
                           "executor paused",
                           "host cut off",
                           "driver restarted",
                           "journal ended inside a step",
                           "attempt adopted after a restart",
                           "attempt was gone when its executor returned",
                           "zombie heard",
                           "zombie's answer",
                           "block lost",
                           "cached partition gone",
                           "drained",
                           "shadow",
                           "message lost",
                           "message twice",
                           "message held up by a partition"}) {
    EXPECT_GT(reached[what], 0u) << what << " was never reached";
    if (std::getenv("MILLRACE_SIM_COUNTS") != nullptr) std::printf("%-48s %lu\n", what, reached[what]);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, SimulationTest, testing::Range<std::uint64_t>(0, 20));

// Seeds that broke a promise when they were first run.
class NamedSeedTest : public testing::TestWithParam<std::pair<std::uint64_t, const char*>> {};

TEST_P(NamedSeedTest, NoLongerBreaksAPromise) {
  std::map<std::string, std::uint64_t> reached;
  SCOPED_TRACE(GetParam().second);
  expect_no_fault(GetParam().first, reached);
  EXPECT_GT(reached["launched"], 0u);
}

INSTANTIATE_TEST_SUITE_P(Bugs, NamedSeedTest,
                         testing::Values(std::pair(6, "a task was backed up while its input was being made again"),
                                         std::pair(545, "a later job counted again what an earlier one had committed"),
                                         std::pair(1532, "an output that a killed attempt had missed was believed in"),
                                         std::pair(3522, "an executor was readmitted in the step that lost it"),
                                         std::pair(5500,
                                                   "a later job counted again what an earlier one had committed")));

TEST(WorldTest, OneSeedIsOneStory) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Outcome first = simulate(seed, true), second = simulate(seed, true);
    EXPECT_EQ(first.log, second.log) << "seed " << seed;
    EXPECT_GT(first.log.size(), 1000u);
  }
}

}  // namespace
}  // namespace millrace::sim
