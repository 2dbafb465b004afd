#include "observe/distribution.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <random>

namespace millrace::observe {
namespace {

TEST(DistributionTest, NothingIsZero) {
  const Distribution none;
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.quantile(0.5), 0);
  EXPECT_EQ(none.skew(), 0);
  EXPECT_EQ(none.at_most(1e9), 0);
  EXPECT_TRUE(none.shape(8).empty());
}

TEST(DistributionTest, QuantilesAreNearTheTrueOnes) {
  for (const std::uint32_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::lognormal_distribution<double> draw(9, 2);
    std::vector<std::uint64_t> values(10'001);
    Distribution distribution;
    for (std::uint64_t& value : values) distribution.add(value = static_cast<std::uint64_t>(draw(random)));
    std::sort(values.begin(), values.end());
    for (const double share : {0.01, 0.25, 0.5, 0.9, 0.999}) {
      const auto exact = static_cast<double>(values[static_cast<std::size_t>(share * 10'000)]);
      EXPECT_NEAR(distribution.quantile(share), exact, exact / 16 + 1) << share;
      EXPECT_NEAR(distribution.at_most(exact), share * 10'001, 10'001 / 50.0) << share;
    }
    EXPECT_EQ(distribution.least(), values.front());
    EXPECT_EQ(distribution.most(), values.back());
    EXPECT_EQ(distribution.quantile(0), static_cast<double>(values.front()));
    EXPECT_EQ(distribution.quantile(1), static_cast<double>(values.back()));
    EXPECT_DOUBLE_EQ(distribution.sum(), std::accumulate(values.begin(), values.end(), 0.0));
    const auto shape = distribution.shape(20);
    EXPECT_EQ(std::accumulate(shape.begin(), shape.end(), std::uint64_t{0}), 10'001u);
  }
}

TEST(DistributionTest, SmallValuesAreExact) {
  Distribution distribution;
  for (const std::uint64_t value : {0, 1, 1, 1, 5}) distribution.add(value);
  EXPECT_NEAR(distribution.quantile(0.5), 1, 1);
  EXPECT_EQ(distribution.at_most(5), 5);
  EXPECT_EQ(distribution.least(), 0u);
}

TEST(DistributionTest, TakesTheLargestValueThereIs) {
  Distribution distribution;
  distribution.add(std::numeric_limits<std::uint64_t>::max());
  distribution.add(1);
  EXPECT_EQ(distribution.quantile(1), static_cast<double>(std::numeric_limits<std::uint64_t>::max()));
  EXPECT_EQ(distribution.shape(4), (std::vector<std::uint64_t>{1, 0, 0, 1}));
}

TEST(DistributionTest, TwoTogetherAreAsIfOneHadSeenAll) {
  Distribution left, right, both;
  for (std::uint64_t value = 1; value < 5000; value = value * 3 + 1) {
    (value % 2 == 0 ? left : right).add(value);
    both.add(value);
  }
  left.add(right);
  left.add(Distribution());
  EXPECT_EQ(left.count(), both.count());
  EXPECT_EQ(left.sum(), both.sum());
  EXPECT_EQ(left.shape(10), both.shape(10));
  EXPECT_EQ(left.at_most(1024), 6);  // 1, 4, 13, 40, 121, 364
}

TEST(DistributionTest, SkewIsTheLargestOverTheMedian) {
  Distribution distribution;
  for (int i = 0; i < 9; ++i) distribution.add(1000);
  distribution.add(5000);
  EXPECT_NEAR(distribution.skew(), 5, 0.4);
}

}  // namespace
}  // namespace millrace::observe
