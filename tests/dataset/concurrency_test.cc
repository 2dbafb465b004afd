#include <thread>

#include <millrace/millrace.h>

#include "dataset_test.h"

namespace millrace::testing {
namespace {

class Concurrency : public DatasetTest {};
MILLRACE_ALL_SHAPES(Concurrency);

TEST_P(Concurrency, ThreadsOfTheDriverRunJobsAtOnce) {
  std::vector<int> values(2000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int>(i);
  const auto source = context.parallelize(values, 5);
  const auto counts = source.map([](int x) { return std::pair(x % 50, 1); }).reduce_by_key(std::plus<>{}, 3).cache();
  const auto made = context.accumulator<std::int64_t>();
  std::vector<std::thread> drivers;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    drivers.emplace_back([&, t] {
      for (int pass = 0; pass < 5; ++pass) {
        if (source.count() != 2000) ++wrong;
        if (counts.count() != 50) ++wrong;
        if (source.filter([t](int x) { return x % 4 == t; }).count() != 500) ++wrong;
        source.foreach ([made](int) { made.add(1); });
        if (!std::is_sorted(values.begin(), values.end()) || source.sort({}, 3).collect() != values) ++wrong;
        if (counts.join(counts, 2).count() != 50) ++wrong;
      }
    });
  }
  for (std::thread& driver : drivers) driver.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(made.value(), 4 * 5 * 2000);
}

TEST_P(Concurrency, AFailingJobLeavesOthersAlone) {
  const auto source = context.generate(
      1000, [](std::uint64_t i) { return i; }, 8);
  std::atomic<int> failures{0};
  std::thread failing([&] {
    for (int pass = 0; pass < 10; ++pass) {
      try {
        source.map([](std::uint64_t i) { return i == 700 ? throw std::runtime_error("never") : i; }).count();
      } catch (const Error& error) {
        if (error.cause() == Cause::user_code) ++failures;
      }
    }
  });
  for (int pass = 0; pass < 20; ++pass) EXPECT_EQ(source.sum(), 499500u);
  failing.join();
  EXPECT_EQ(failures, 10);
}

TEST_P(Concurrency, SeveralContextsLiveAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      const Context own(options());
      const auto names = own.broadcast(std::string("x"));
      auto body = [names](std::uint64_t i) { return std::pair(i % 7, names->size()); };
      if (own.generate(700, body, 5).reduce_by_key(std::plus<>{}, 2).values().sum() != 700) ++wrong;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(Concurrency, ManySmallTasks) {
  const auto many = context.generate(
      5000, [](std::uint64_t i) { return i; }, 5000);
  EXPECT_EQ(many.sum(), 12497500u);
}

}  // namespace
}  // namespace millrace::testing
