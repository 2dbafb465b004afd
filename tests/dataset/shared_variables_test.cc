#include <map>
#include <numeric>

#include <millrace/millrace.h>

#include "dataset_test.h"

namespace millrace::testing {
namespace {

class SharedVariables : public DatasetTest {
 protected:
  static std::vector<int> numbers(int n) {
    std::vector<int> out(static_cast<std::size_t>(n));
    std::iota(out.begin(), out.end(), 0);
    return out;
  }
};
MILLRACE_ALL_SHAPES(SharedVariables);

TEST_P(SharedVariables, ABroadcastIsReadEverywhere) {
  const auto names = context.broadcast(std::vector<std::string>{"zero", "one", "two"});
  EXPECT_EQ(names->at(1), "one");
  EXPECT_EQ((*names).size(), 3u);
  auto name = [names](int x) { return names.value()[static_cast<std::size_t>(x) % 3]; };
  EXPECT_EQ(context.parallelize(numbers(4), 4).map(name).collect(),
            (std::vector<std::string>{"zero", "one", "two", "zero"}));
}

TEST_P(SharedVariables, ABroadcastDoesNotOutliveItsContext) {
  auto inner = std::make_unique<Context>(options());
  const auto value = inner->broadcast(5);
  inner.reset();
  expect_error(Cause::usage, {"broadcast", "Context"}, [&] { value.value(); });
}

TEST_P(SharedVariables, AccumulatorsSumOverTasksAndJobs) {
  const auto sum = context.accumulator<std::int64_t>();
  const auto largest = context.accumulator<int, Max<int>>();
  const auto smallest = context.accumulator<int, Min<int>>();
  EXPECT_EQ(sum.value(), 0);
  EXPECT_EQ(largest.value(), std::numeric_limits<int>::lowest());
  const auto dataset = context.parallelize(numbers(100), 7);
  for (int pass = 1; pass <= 2; ++pass) {
    dataset.foreach ([=](int x) {
      sum.add(x);
      largest.add(x);
      smallest.add(x + 5);
    });
    EXPECT_EQ(sum.value(), pass * 4950);
    EXPECT_EQ(largest.value(), 99);
    EXPECT_EQ(smallest.value(), 5);
  }
}

struct Union {
  static std::vector<int> zero() { return {}; }
  static void add(std::vector<int>& into, const std::vector<int>& value) {
    into.insert(into.end(), value.begin(), value.end());
    std::sort(into.begin(), into.end());
    into.erase(std::unique(into.begin(), into.end()), into.end());
  }
};

TEST_P(SharedVariables, AccumulatorsOfTheUsersOwn) {
  const auto seen = context.accumulator<std::vector<int>, Union>();
  context.parallelize(numbers(100), 7).foreach ([seen](int x) { seen.add({x % 5}); });
  EXPECT_EQ(seen.value(), (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_P(SharedVariables, OnlyTasksAdd) {
  const auto sum = context.accumulator<int>();
  expect_error(Cause::usage, {"task"}, [&] { sum.add(1); });
  expect_error(Cause::usage, {"task"}, [&] { count("x"); });
}

TEST_P(SharedVariables, CountersAreNamed) {
  EXPECT_EQ(context.counter("even"), 0);
  context.parallelize(numbers(100), 7).foreach ([](int x) {
    if (x % 2 == 0) count("even");
    if (x % 10 == 0) count("tens", x);
  });
  EXPECT_EQ(context.counter("even"), 50);
  EXPECT_EQ(context.counter("tens"), 450);
  EXPECT_EQ(context.counter("other"), 0);
}

// An attempt that failed adds nothing, whatever it did before it failed.
TEST_P(SharedVariables, RetriesCountOnce) {
  const auto sum = context.accumulator<std::int64_t>();
  const auto attempts = context.accumulator<int, Max<int>>();
  auto body = [=](auto& partition, auto& emit) {
    partition.for_each([&](int x) {
      sum.add(x);
      count("seen");
      emit(x);
    });
    attempts.add(static_cast<int>(TaskContext::current()->attempt()));
    if (TaskContext::current()->attempt() < partition.index() % 3) throw std::runtime_error("not yet");
  };
  EXPECT_EQ(context.parallelize(numbers(100), 7).map_partitions<int>(body).collect(), numbers(100));
  EXPECT_EQ(sum.value(), 4950);
  EXPECT_EQ(context.counter("seen"), 100);
  EXPECT_EQ(attempts.value(), 2);
}

TEST_P(SharedVariables, RetriesOfBothSidesOfAShuffleCountOnce) {
  const auto mapped = context.accumulator<std::int64_t>();
  const auto reduced = context.accumulator<std::int64_t>();
  auto map_side = [=](auto& partition, auto& emit) {
    partition.for_each([&](int x) {
      mapped.add(1);
      emit(std::pair(x % 10, 1));
    });
    if (TaskContext::current()->attempt() == 0) throw std::runtime_error("not yet");
  };
  auto reduce_side = [=](auto& partition, auto& emit) {
    partition.for_each([&](const auto& pair) {
      reduced.add(pair.second);
      emit(pair);
    });
    if (TaskContext::current()->attempt() < 3) throw std::runtime_error("not yet");
  };
  const auto counts = context.parallelize(numbers(1000), 5)
                          .map_partitions<std::pair<int, int>>(map_side)
                          .reduce_by_key(std::plus<>{}, 3)
                          .map_partitions<std::pair<int, int>>(reduce_side);
  EXPECT_EQ(counts.count(), 10u);
  EXPECT_EQ(mapped.value(), 1000);
  EXPECT_EQ(reduced.value(), 1000);
  EXPECT_EQ(counts.count(), 10u) << "the map side is there already";
  EXPECT_EQ(mapped.value(), 1000);
}

TEST_P(SharedVariables, AFailedJobCountsItsCommittedTasksOnly) {
  const auto sum = context.accumulator<int>();
  auto body = [sum](auto& partition, auto&) {
    sum.add(1);
    if (partition.index() == 3) throw std::runtime_error("never");
  };
  EXPECT_THROW(context.parallelize(numbers(4), 4).map_partitions<int>(body).count(), Error);
  EXPECT_LE(sum.value(), 3);
}

}  // namespace
}  // namespace millrace::testing
