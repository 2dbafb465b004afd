#include <millrace/millrace.h>

#include "dataset_test.h"

namespace millrace::testing {
namespace {

using Strings = std::vector<std::string>;

std::vector<int> numbers(int n) {
  std::vector<int> out;
  for (int i = 0; i < n; ++i) out.push_back(i);
  return out;
}

class Narrow : public DatasetTest {
 protected:
  auto lines(std::string_view text) { return context.read_text(workspace.write("in", text)); }
};
MILLRACE_ALL_SHAPES(Narrow);

TEST_P(Narrow, MapAppliesToEachElement) {
  EXPECT_EQ(context.parallelize(numbers(5), 3).map([](int x) { return std::to_string(x * 2); }).collect(),
            (Strings{"0", "2", "4", "6", "8"}));
  EXPECT_EQ(lines("a\nbc\n").map([](std::string_view line) { return line.size(); }).collect(),
            (std::vector<std::size_t>{1, 2}));
}

TEST_P(Narrow, MapOverViewsGivesViews) {
  EXPECT_EQ(lines("abc\nde\n").map([](std::string_view line) { return line.substr(1); }).collect(),
            (Strings{"bc", "e"}));
}

TEST_P(Narrow, FilterKeepsWhatIsTrue) {
  EXPECT_EQ(context.parallelize(numbers(10), 4).filter([](int x) { return x % 3 == 0; }).collect(),
            (std::vector<int>{0, 3, 6, 9}));
  EXPECT_EQ(context.parallelize(numbers(10)).filter([](int) { return false; }).count(), 0u);
}

TEST_P(Narrow, FlatMapTakesARange) {
  auto repeat = [](int x) { return std::vector<int>(static_cast<std::size_t>(x), x); };
  EXPECT_EQ(context.parallelize(numbers(4), 2).flat_map(repeat).collect(), (std::vector<int>{1, 2, 2, 3, 3, 3}));
}

TEST_P(Narrow, FlatMapTakesAnEmittingFunction) {
  auto halves = [](std::string_view line, auto& emit) {
    emit(line.substr(0, line.size() / 2));
    emit(line.substr(line.size() / 2));
  };
  EXPECT_EQ(lines("abcd\nxyz\n").flat_map<std::string_view>(halves).collect(), (Strings{"ab", "cd", "x", "yz"}));
}

TEST_P(Narrow, WordsAreSplitOnWhiteSpaceAlone) {
  EXPECT_EQ(lines(" one\ttwo  three\r\n\n\vfour\ffive\xc2\xa0six\n").flat_map(words).collect(),
            (Strings{"one", "two", "three", "four", "five\xc2\xa0six"}));
}

TEST_P(Narrow, WordsBehindAnotherOperationAreThoseOfALine) {
  auto upper = [](std::string_view line) { return std::string(line) + " end"; };
  EXPECT_EQ(lines("a b\nc\n").map(upper).flat_map(words).collect(), (Strings{"a", "b", "end", "c", "end"}));
}

TEST_P(Narrow, MapPartitionsSeesEachPartitionOnce) {
  auto summary = [](auto& partition, auto& emit) {
    int sum = 0;
    partition.for_each([&](int x) { sum += x; });
    emit(std::pair<std::uint32_t, int>(partition.index(), sum));
  };
  const auto sums = context.parallelize(numbers(10), 5).map_partitions<std::pair<std::uint32_t, int>>(summary);
  EXPECT_EQ(sums.collect(), (std::vector<std::pair<std::uint32_t, int>>{{0, 1}, {1, 5}, {2, 9}, {3, 13}, {4, 17}}));
}

TEST_P(Narrow, MapPartitionsAlsoRunsForEmptyOnes) {
  auto index = [](auto& partition, auto& emit) { emit(partition.index()); };
  EXPECT_EQ(context.parallelize(std::vector<int>{}, 3).map_partitions<std::uint32_t>(index).collect(),
            (std::vector<std::uint32_t>{0, 1, 2}));
}

TEST_P(Narrow, PairsHaveKeysAndValues) {
  const auto pairs = lines("apple\nfig\n").key_by([](std::string_view line) { return line.size(); });
  EXPECT_EQ(pairs.collect(), (std::vector<std::pair<std::size_t, std::string>>{{5, "apple"}, {3, "fig"}}));
  EXPECT_EQ(pairs.keys().collect(), (std::vector<std::size_t>{5, 3}));
  EXPECT_EQ(pairs.values().collect(), (Strings{"apple", "fig"}));
  EXPECT_EQ(pairs.map_values([](std::string_view line) { return line.front(); }).collect(),
            (std::vector<std::pair<std::size_t, char>>{{5, 'a'}, {3, 'f'}}));
}

TEST_P(Narrow, UnionIsOneAfterTheOther) {
  const auto a = context.parallelize(numbers(3), 2);
  const auto b = context.parallelize(std::vector<int>{9, 8}, 3).map([](int x) { return x * 10; });
  EXPECT_EQ(a.union_with(b).collect(), (std::vector<int>{0, 1, 2, 90, 80}));
  EXPECT_EQ(a.union_with(b).partitions(), 5u);
  EXPECT_EQ(a.union_with(a).collect(), (std::vector<int>{0, 1, 2, 0, 1, 2}));
}

TEST_P(Narrow, CartesianIsEveryPairOnce) {
  const auto a = context.parallelize(numbers(5), 3);
  const auto b = lines("x\ny\n");
  std::vector<std::pair<int, std::string>> expected;
  for (int x = 0; x < 5; ++x) {
    expected.emplace_back(x, "x");
    expected.emplace_back(x, "y");
  }
  EXPECT_EQ(sorted(a.cartesian(b).collect()), expected);
  EXPECT_EQ(a.cartesian(context.parallelize(std::vector<int>{}, 2)).count(), 0u);
}

TEST_P(Narrow, ZipWithIndexCountsOverAllPartitions) {
  const auto indexed = context.parallelize(numbers(100), 7).filter([](int x) { return x % 2 == 1; }).zip_with_index();
  const auto pairs = indexed.collect();
  ASSERT_EQ(pairs.size(), 50u);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(pairs[i], (std::pair<int, std::uint64_t>(2 * int(i) + 1, i)));
}

TEST_P(Narrow, CoalesceJoinsNeighbours) {
  const auto some = context.parallelize(numbers(20), 10);
  for (const std::uint32_t count : {1u, 3u, 10u, 20u}) {
    const auto fewer = some.coalesce(count);
    EXPECT_EQ(fewer.partitions(), std::min(count, 10u));
    EXPECT_EQ(fewer.collect(), numbers(20));
  }
}

TEST_P(Narrow, SampleIsDecidedBySeedAndPlaceAlone) {
  const auto values = numbers(20000);
  const auto once = context.parallelize(values, 3).sample(0.25, 7).collect();
  EXPECT_EQ(once, context.parallelize(values, 11).sample(0.25, 7).collect());
  EXPECT_NE(once, context.parallelize(values, 3).sample(0.25, 8).collect());
  EXPECT_NEAR(static_cast<double>(once.size()), 5000, 400);
  EXPECT_TRUE(std::is_sorted(once.begin(), once.end()));
  EXPECT_EQ(context.parallelize(values).sample(0).count(), 0u);
  EXPECT_EQ(context.parallelize(values).sample(1).count(), 20000u);
  expect_error(Cause::usage, {"sample"}, [&] { context.parallelize(values).sample(1.5); });
}

TEST_P(Narrow, ANamedTypeErasesTheChain) {
  Dataset<std::string_view> named = lines("b 1\na 2\n").flat_map(words);
  Dataset<std::string> owned = named.filter([](std::string_view word) { return word != "1"; });
  Dataset<std::pair<std::string, int>> pairs = owned.map([](std::string word) { return std::pair(word, 1); });
  const Dataset<std::pair<std::string, int>> copy = pairs;
  pairs = copy.union_with(pairs);
  EXPECT_EQ(pairs.keys().collect(), (Strings{"b", "a", "2", "b", "a", "2"}));
}

TEST_P(Narrow, ALineage) {
  const auto dataset = lines("1\n2\n3\n").map([](std::string_view line) { return int(line.front() - '0'); });
  EXPECT_EQ(dataset.filter([](int x) { return x != 2; }).map([](int x) { return x * x; }).collect(),
            (std::vector<int>{1, 9}));
  EXPECT_EQ(dataset.collect(), (std::vector<int>{1, 2, 3})) << "operations do not change what they start from";
}

}  // namespace
}  // namespace millrace::testing
