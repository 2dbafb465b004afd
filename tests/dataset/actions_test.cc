#include <atomic>
#include <numeric>

#include <millrace/millrace.h>

#include "dataset_test.h"

namespace millrace::testing {
namespace {

std::vector<int> numbers(int n) {
  std::vector<int> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

class Actions : public DatasetTest {
 protected:
  auto none() { return context.parallelize(std::vector<int>{}, 3); }
};
MILLRACE_ALL_SHAPES(Actions);

TEST_P(Actions, CollectAndCount) {
  EXPECT_EQ(context.parallelize(numbers(1000), 9).collect(), numbers(1000));
  EXPECT_EQ(context.parallelize(numbers(1000), 9).count(), 1000u);
  EXPECT_EQ(none().count(), 0u);
}

TEST_P(Actions, ForEachInOrderRunsInTheDriver) {
  std::vector<int> seen;
  context.parallelize(numbers(1000), 9).for_each_in_order([&](int x) {
    EXPECT_EQ(TaskContext::current(), nullptr);
    seen.push_back(x);
  });
  EXPECT_EQ(seen, numbers(1000));
}

TEST_P(Actions, ResultsBeyondTheLimitFailTheJobAtOnce) {
  Options little = options();
  little.result_limit_bytes = 100000;
  Context strict(little);
  // One task gives too much; or all of them together do.
  for (const std::uint32_t partitions : {1u, 50u}) {
    const auto dataset = strict.parallelize(numbers(100000), partitions);
    const auto pairs = dataset.map([](int x) { return std::pair(x, x); });
    const std::vector<std::string> limit{"--result-limit, 100000 bytes", "write_text"};
    const auto told = [&](const std::string& action, const std::function<void()>& run) {
      std::vector<std::string> words = limit;
      words.push_back(action + " (actions_test.cc:");
      expect_error(Cause::usage, words, run);
    };
    told("collect", [&] { dataset.collect(); });
    told("take", [&] { dataset.take(90000); });
    told("top", [&] { dataset.top(90000); });
    told("take_ordered", [&] { dataset.take_ordered(90000); });
    told("take_sample", [&] { dataset.take_sample(90000); });
    told("count_by_key", [&] { pairs.count_by_key(); });
    told("broadcast_join", [&] { pairs.broadcast_join(pairs); });
    EXPECT_EQ(dataset.take(10), numbers(10));
    std::uint64_t visited = 0;
    dataset.for_each_in_order([&](int) { ++visited; });
    EXPECT_EQ(visited, 100000u) << "what the driver does not keep has no limit";
    EXPECT_EQ(dataset.count(), 100000u);
  }
  Options unlimited = options();
  unlimited.result_limit_bytes = 0;
  EXPECT_EQ(Context(unlimited).parallelize(numbers(100000), 3).collect(), numbers(100000));
}

TEST_P(Actions, ForEachInOrderThatThrowsEndsTheJob) {
  const auto dataset = context.parallelize(numbers(1000), 9);
  EXPECT_THROW(dataset.for_each_in_order([](int x) {
    if (x == 500) throw std::runtime_error("enough");
  }),
               std::runtime_error);
  EXPECT_EQ(dataset.count(), 1000u) << "the context can be used on";
}

TEST_P(Actions, ReduceFoldsInOrder) {
  const std::vector<std::string> words{"a", "b", "", "c", "d", "e", "f"};
  auto join = [](std::string a, const std::string& b) { return a + b; };
  EXPECT_EQ(context.parallelize(words, 3).reduce(join), "abcdef");
  EXPECT_EQ(context.parallelize(words, 20).reduce(join), "abcdef");
  EXPECT_EQ(context.parallelize(words, 3).fold("", join), "abcdef");
  expect_error(Cause::usage, {"empty"}, [&] { none().reduce(std::plus<>{}); });
  EXPECT_EQ(none().fold(0, std::plus<>{}), 0);
}

TEST_P(Actions, AggregateHasItsOwnType) {
  auto add = [](std::pair<int, int> sum, int x) { return std::pair(sum.first + x, sum.second + 1); };
  auto merge = [](std::pair<int, int> a, std::pair<int, int> b) {
    return std::pair(a.first + b.first, a.second + b.second);
  };
  const std::pair<int, int> expected(4950, 100);
  EXPECT_EQ(context.parallelize(numbers(100), 7).aggregate(std::pair(0, 0), add, merge), expected);
  for (const std::uint32_t fan_in : {1u, 2u, 3u, 16u, 50u}) {
    EXPECT_EQ(context.parallelize(numbers(100), 40).tree_aggregate(std::pair(0, 0), add, merge, fan_in), expected);
  }
  EXPECT_EQ(none().aggregate(std::pair(0, 0), add, merge), (std::pair(0, 0)));
  EXPECT_EQ(none().tree_aggregate(std::pair(0, 0), add, merge), (std::pair(0, 0)));
}

TEST_P(Actions, TreeAggregateOfWhatIsNoPlainType) {
  auto add = [](std::string all, int x) { return all + std::to_string(x); };
  auto merge = [](std::string a, const std::string& b) { return a + b; };
  std::string expected;
  for (int i = 0; i < 50; ++i) expected += std::to_string(i);
  EXPECT_EQ(context.parallelize(numbers(50), 40).tree_aggregate(std::string(), add, merge, 4), expected);
}

TEST_P(Actions, FirstAndTake) {
  const auto dataset = context.parallelize(numbers(100), 30).filter([](int x) { return x >= 40; });
  EXPECT_EQ(dataset.first(), 40);
  for (const std::uint64_t n : {0, 1, 2, 10, 59, 60, 1000}) {
    const auto taken = dataset.take(n);
    ASSERT_EQ(taken.size(), std::min<std::uint64_t>(n, 60));
    for (std::size_t i = 0; i < taken.size(); ++i) EXPECT_EQ(taken[i], 40 + static_cast<int>(i));
  }
  EXPECT_TRUE(none().take(5).empty());
  expect_error(Cause::usage, {"empty"}, [&] { none().first(); });
}

TEST_P(Actions, TakeRunsFewPartitions) {
  const auto runs = context.accumulator<std::uint64_t>();
  auto counted = [runs](auto& partition, auto& emit) {
    runs.add(1);
    partition.for_each([&](int x) { emit(x); });
  };
  const auto dataset = context.parallelize(numbers(1000), 100).map_partitions<int>(counted);
  EXPECT_EQ(dataset.take(10).size(), 10u);
  EXPECT_EQ(runs.value(), 1u);
  EXPECT_EQ(dataset.first(), 0);
  EXPECT_EQ(runs.value(), 2u);
  EXPECT_EQ(dataset.take(30).size(), 30u);
  EXPECT_EQ(runs.value(), 2u + 1 + 4);
}

TEST_P(Actions, TakeStopsInsideAPartition) {
  const auto made = context.accumulator<std::uint64_t>();
  auto count = [made](std::uint64_t i) {
    made.add(1);
    return i;
  };
  EXPECT_EQ(context.generate(10000000, count, 1).take(3), (std::vector<std::uint64_t>{0, 1, 2}));
  EXPECT_LE(made.value(), 10000u);
}

TEST_P(Actions, TopAndTakeOrdered) {
  std::vector<std::pair<std::string, int>> pairs;
  for (int i = 0; i < 200; ++i) pairs.emplace_back("k" + std::to_string(i), i * 37 % 100);
  const auto dataset = context.parallelize(pairs, 7);
  auto falling = pairs;
  std::stable_sort(falling.begin(), falling.end(), [](auto& a, auto& b) { return a.second > b.second; });
  auto rising = pairs;
  std::stable_sort(rising.begin(), rising.end(), [](auto& a, auto& b) { return a.second < b.second; });
  for (const std::size_t n : {0, 1, 3, 50, 200, 500}) {
    const auto end = static_cast<std::ptrdiff_t>(std::min<std::size_t>(n, 200));
    using Pairs = std::vector<std::pair<std::string, int>>;
    EXPECT_EQ(dataset.top(n, by_value), Pairs(falling.begin(), falling.begin() + end)) << n;
    EXPECT_EQ(dataset.take_ordered(n, by_value), Pairs(rising.begin(), rising.begin() + end)) << n;
  }
  EXPECT_EQ(context.parallelize(numbers(50), 4).top(3), (std::vector<int>{49, 48, 47}));
  EXPECT_EQ(context.parallelize(numbers(50), 4).take_ordered(3), (std::vector<int>{0, 1, 2}));
}

TEST_P(Actions, TakeSampleIsDecidedBySeedAndPlace) {
  const auto once = context.parallelize(numbers(1000), 3).take_sample(20, 5);
  EXPECT_EQ(once.size(), 20u);
  EXPECT_TRUE(std::is_sorted(once.begin(), once.end()));
  EXPECT_EQ(std::adjacent_find(once.begin(), once.end()), once.end());
  EXPECT_EQ(context.parallelize(numbers(1000), 17).take_sample(20, 5), once);
  EXPECT_NE(context.parallelize(numbers(1000), 3).take_sample(20, 6), once);
  EXPECT_EQ(context.parallelize(numbers(5), 3).take_sample(20), numbers(5));
}

TEST_P(Actions, SumMinMaxMeanAndDeviation) {
  const auto dataset = context.parallelize(numbers(101), 7);
  EXPECT_EQ(dataset.sum(), 5050);
  EXPECT_EQ(dataset.min(), 0);
  EXPECT_EQ(dataset.max(), 100);
  EXPECT_DOUBLE_EQ(dataset.mean(), 50);
  EXPECT_NEAR(dataset.stdev(), 29.154759474, 1e-8);
  const Statistics all = dataset.statistics();
  EXPECT_EQ(all.count, 101u);
  EXPECT_EQ(all.sum, 5050);
  EXPECT_EQ(all.min, 0);
  EXPECT_EQ(all.max, 100);
  EXPECT_EQ(none().sum(), 0);
  expect_error(Cause::usage, {"empty"}, [&] { none().mean(); });
  expect_error(Cause::usage, {"empty"}, [&] { none().min(); });
  const auto file = workspace.write("in", "pear\nfig\nkiwi\n");
  EXPECT_EQ(context.read_text(file).max(), "pear");
  EXPECT_EQ(context.read_text(file).min(), "fig");
}

TEST_P(Actions, Histogram) {
  const auto dataset = context.parallelize(std::vector<double>{-1, 0, 0.5, 1, 1.5, 2, 2.5, std::nan("")}, 3);
  EXPECT_EQ(dataset.histogram({0, 1, 2}), (std::vector<std::uint64_t>{2, 3}));
  expect_error(Cause::usage, {"histogram"}, [&] { dataset.histogram({1}); });
  expect_error(Cause::usage, {"histogram"}, [&] { dataset.histogram({2, 1}); });
}

std::atomic<int> visits{0};

TEST_P(Actions, ForeachRunsInTasks) {
  visits = 0;
  context.parallelize(numbers(100), 7).foreach ([](int x) {
    if (TaskContext::current() != nullptr) visits += x;
  });
  EXPECT_EQ(visits, 4950);
}

TEST_P(Actions, ExplainTellsTheStages) {
  const auto dataset = context.parallelize(numbers(10), 3)
                           .map([](int x) { return std::pair(x, x); })
                           .reduce_by_key(std::plus<>{}, 2)
                           .cache();
  const std::string text = dataset.explain();
  for (const char* part : {"cache", "0 of 2 partitions", "reduce_by_key (actions_test.cc:", "stage boundary", "map",
                           "parallelize", "[3 partitions]"}) {
    EXPECT_NE(text.find(part), text.npos) << part << " in\n" << text;
  }
  dataset.count();
  EXPECT_NE(dataset.explain().find("2 of 2 partitions"), text.npos) << dataset.explain();
}

}  // namespace
}  // namespace millrace::testing
