#include "exec/split_claims.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <thread>

namespace millrace::exec {
namespace {

std::vector<plan::Split> splits_of(std::size_t count, std::uint64_t bytes) {
  return std::vector<plan::Split>(count, plan::Split{{{"/in", 0, bytes, false, {}}}, {}});
}

std::vector<std::uint32_t> all_of(SplitClaims& claims, std::uint32_t task, const std::vector<plan::Split>& splits) {
  std::vector<std::uint32_t> out;
  while (const auto split = claims.split(StageId{1}, task, out.size(), splits)) out.push_back(*split);
  return out;
}

using Splits = std::vector<std::uint32_t>;

TEST(SplitClaims, ATaskReadsItsOwnSplitAndThenWhatNobodyHas) {
  SplitClaims claims;
  const auto splits = splits_of(5, 1000);
  EXPECT_EQ(claims.split(StageId{1}, 1, 0, splits), 1u);
  EXPECT_EQ(claims.split(StageId{1}, 3, 0, splits), 3u);
  EXPECT_EQ(all_of(claims, 1, splits), (Splits{1, 0, 2, 4}));
  EXPECT_EQ(all_of(claims, 3, splits), Splits{3});
  EXPECT_EQ(all_of(claims, 2, splits), Splits{});
}

TEST(SplitClaims, EveryAttemptOfATaskReadsTheSame) {
  SplitClaims claims;
  const auto splits = splits_of(6, 1000);
  for (std::size_t place = 0; place < 3; ++place) claims.split(StageId{1}, 4, place, splits);
  const Splits other = all_of(claims, 0, splits);
  EXPECT_EQ(all_of(claims, 4, splits), (Splits{4, 0, 1}));
  EXPECT_EQ(all_of(claims, 4, splits), (Splits{4, 0, 1}));
  EXPECT_EQ(other, (Splits{2, 3, 5}));
  EXPECT_EQ(all_of(claims, 0, splits), other);
}

TEST(SplitClaims, StagesHaveSplitsOfTheirOwn) {
  SplitClaims claims;
  const auto splits = splits_of(2, 1000);
  EXPECT_EQ(all_of(claims, 0, splits), (Splits{0, 1}));
  EXPECT_EQ(claims.split(StageId{2}, 1, 0, splits), 1u);
}

TEST(SplitClaims, NoTaskGoesOnBeyondHalfAGibibyte) {
  SplitClaims claims;
  const auto splits = splits_of(8, std::uint64_t{200} << 20);
  EXPECT_EQ(all_of(claims, 0, splits), (Splits{0, 1, 2}));
  EXPECT_EQ(all_of(claims, 1, splits), (Splits{3, 4, 5}));
  EXPECT_EQ(all_of(claims, 7, splits), (Splits{7, 6}));
  EXPECT_EQ(all_of(claims, 0, splits), (Splits{0, 1, 2}));
}

TEST(SplitClaims, ThreadsThatRaceReadEverySplitOnce) {
  SplitClaims claims;
  const auto splits = splits_of(1000, 1000);
  std::vector<Splits> read(4);
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < read.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::uint32_t task = t; task < splits.size(); task += 4) {
        const Splits some = all_of(claims, task, splits);
        read[t].insert(read[t].end(), some.begin(), some.end());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Splits all;
  for (const Splits& some : read) all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), splits.size());
  for (std::uint32_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], i);
}

}  // namespace
}  // namespace millrace::exec
