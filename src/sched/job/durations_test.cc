#include "sched/job/durations.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace millrace::sched {
namespace {

TEST(DurationsTest, TheMedianIsWithinAFifth) {
  for (const double scale : {1.0, 50.0, 1e4, 1e7, 1e10}) {
    std::mt19937 random(7);
    std::lognormal_distribution<double> spread(0, 1);
    Durations durations;
    std::vector<std::int64_t> all;
    for (int i = 0; i < 5000; ++i) {
      all.push_back(static_cast<std::int64_t>(10 * scale * spread(random)));
      durations.add(all.back());
    }
    std::sort(all.begin(), all.end());
    const auto median = static_cast<double>(all[all.size() / 2]);
    EXPECT_NEAR(static_cast<double>(durations.median()), median, median * 0.2) << "scale=" << scale;
  }
}

TEST(DurationsTest, TakesWhateverComes) {
  Durations durations;
  EXPECT_EQ(durations.median(), 0);
  durations.add(-5);
  EXPECT_EQ(durations.median(), 0);
  for (int i = 0; i < 10; ++i) durations.add(std::int64_t{1} << 60);
  EXPECT_GT(durations.median(), std::int64_t{1} << 38);
  EXPECT_EQ(durations.count(), 11u);
}

}  // namespace
}  // namespace millrace::sched
