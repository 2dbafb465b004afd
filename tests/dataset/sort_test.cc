#include <limits>
#include <random>

#include <millrace/millrace.h>

#include "dataset_test.h"
#include "storage/compression.h"
#include "storage/local_file_system.h"

namespace millrace::testing {
namespace {

class Sorting : public DatasetTest {
 protected:
  std::mt19937_64 random{7};

  template <class T>
  void expect_sorted(const std::vector<T>& values) {
    auto ascending = values;
    std::sort(ascending.begin(), ascending.end());
    for (const std::uint32_t count : {0u, 1u, 2u, 9u}) {
      EXPECT_EQ(context.parallelize(values, 5).sort({}, count).collect(), ascending) << count;
    }
    std::reverse(ascending.begin(), ascending.end());
    EXPECT_EQ(context.parallelize(values, 5).sort(internal::Descending{}, 3).collect(), ascending);
  }
};
MILLRACE_ALL_SHAPES(Sorting);

TEST_P(Sorting, Integers) {
  std::vector<std::int64_t> values{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
                                   0, -1, 1};
  for (int i = 0; i < 2000; ++i) values.push_back(static_cast<std::int64_t>(random()) >> (random() % 63));
  expect_sorted(values);
}

TEST_P(Sorting, UnsignedAndSmallIntegers) {
  std::vector<std::uint16_t> values;
  for (int i = 0; i < 2000; ++i) values.push_back(static_cast<std::uint16_t>(random()));
  expect_sorted(values);
  expect_sorted(std::vector<std::uint64_t>{~std::uint64_t{0}, 0, std::uint64_t{1} << 63, 5, 5});
}

TEST_P(Sorting, FloatingPoint) {
  std::vector<double> values{0.0,
                             1e300,
                             -1e300,
                             std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::denorm_min()};
  for (int i = 0; i < 2000; ++i) values.push_back((static_cast<double>(random() % 2000) - 1000) / 7);
  expect_sorted(values);
}

TEST_P(Sorting, TextByBytes) {
  std::vector<std::string> values{"",     std::string(1, '\0'), std::string(2, '\0'), "\x7f",       "\x80",
                                  "\xff", "same-prefix-1",      "same-prefix-0",      "same-prefix"};
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (std::uint64_t n = random() % 12; n != 0; --n) text.push_back(static_cast<char>(random() % 4 * 85));
    values.push_back(std::move(text));
  }
  expect_sorted(values);
}

TEST_P(Sorting, PairsTuplesAndVectors) {
  std::vector<std::pair<std::string, int>> pairs;
  std::vector<std::tuple<int, std::string, double>> tuples;
  std::vector<std::vector<int>> lists;
  for (int i = 0; i < 500; ++i) {
    pairs.emplace_back(std::string(random() % 3, 'p'), static_cast<int>(random() % 100));
    tuples.emplace_back(static_cast<int>(random() % 5), std::string(random() % 3, 't'), i);
    lists.emplace_back(random() % 4, static_cast<int>(random() % 3));
  }
  expect_sorted(pairs);
  expect_sorted(tuples);
  expect_sorted(lists);
}

TEST_P(Sorting, EqualKeysKeepTheirOrder) {
  std::vector<std::pair<int, int>> values;
  for (int i = 0; i < 5000; ++i) values.emplace_back(static_cast<int>(random() % 10), i);
  auto expected = values;
  std::stable_sort(expected.begin(), expected.end(), [](auto& a, auto& b) { return a.first < b.first; });
  for (const std::uint32_t count : {1u, 4u, 30u}) {
    EXPECT_EQ(context.parallelize(values, 9).sort_by_key({}, count).collect(), expected);
  }
  std::stable_sort(expected.begin(), expected.end(), [](auto& a, auto& b) { return a.first > b.first; });
  auto fell = values;
  std::stable_sort(fell.begin(), fell.end(), [](auto& a, auto& b) { return a.first > b.first; });
  EXPECT_EQ(context.parallelize(values, 9).sort_by_key(internal::Descending{}, 4).collect(), fell);
}

TEST_P(Sorting, ByAKeyOfTheUser) {
  std::vector<std::string> values;
  for (int i = 0; i < 1000; ++i) values.push_back(std::string(random() % 50, 'x') + std::to_string(random() % 10));
  auto expected = values;
  std::stable_sort(expected.begin(), expected.end(), [](auto& a, auto& b) { return a.size() < b.size(); });
  auto length = [](const std::string& text) { return text.size(); };
  EXPECT_EQ(context.parallelize(values, 7).sort_by(length, {}, 5).collect(), expected);
}

TEST_P(Sorting, InAnOrderOfTheUser) {
  std::vector<int> values;
  for (int i = 0; i < 1000; ++i) values.push_back(static_cast<int>(random() % 2000) - 1000);
  auto expected = values;
  auto less = [](int a, int b) { return std::abs(a) < std::abs(b); };
  std::stable_sort(expected.begin(), expected.end(), less);
  EXPECT_EQ(context.parallelize(values, 7).sort(less, 5).collect(), expected);
}

TEST_P(Sorting, LinesOfAFile) {
  std::string text;
  std::vector<std::string> lines;
  for (int i = 0; i < 3000; ++i) {
    lines.push_back(std::to_string(random() % 100000));
    text += lines.back() + "\n";
  }
  const auto file = workspace.write("in", text);
  for (const std::uint64_t split : {100, 1000, 0}) {
    Options shaped = options();
    shaped.split_bytes = split;
    EXPECT_EQ(Context(shaped).read_text(file).sort({}, 4).collect(), sorted(lines));
  }
}

TEST_P(Sorting, NothingAndOne) {
  EXPECT_TRUE(context.parallelize(std::vector<int>{}).sort({}, 3).collect().empty());
  EXPECT_EQ(context.parallelize(std::vector<int>{5}, 4).sort({}, 3).collect(), std::vector<int>{5});
  EXPECT_EQ(context.parallelize(std::vector<int>(100, 8), 4).sort({}, 5).collect(), std::vector<int>(100, 8));
}

TEST_P(Sorting, WhatWasSortedCanBeUsedOn) {
  std::vector<int> values;
  for (int i = 0; i < 500; ++i) values.push_back(static_cast<int>(random() % 1000));
  const auto top = context.parallelize(values, 4).sort({}, 3).filter([](int x) { return x % 2 == 0; }).zip_with_index();
  std::uint64_t place = 0;
  for (const auto& [value, index] : top.collect()) EXPECT_EQ(index, place++);
  EXPECT_GT(place, 100u);
}

// A sample of a large text decides the ranges. What looks at whole partitions, or at their numbers, must not be run on
// the pieces that are sampled.
TEST_P(Sorting, LargeTextsAreSampledByElementwiseOperationsOnly) {
  std::string text;
  for (int i = 0; i < 500000; ++i) text += std::to_string(random() % 1000000000) + "\n";
  ASSERT_GT(text.size(), 4u << 20);
  const auto lines = context.read_text(workspace.write("in", text));
  const auto indexed = lines.zip_with_index().sort_by([](const auto& pair) { return ~pair.second; }, {}, 3);
  std::uint64_t left = 500000;
  bool in_order = true;
  indexed.for_each_in_order([&](const auto& pair) { in_order = in_order && pair.second == --left; });
  EXPECT_TRUE(in_order);
  EXPECT_EQ(left, 0u);
  const std::uint32_t partitions = lines.partitions();
  auto check = [partitions](auto& partition, auto& emit) {
    if (partition.index() >= partitions) throw std::logic_error("no such partition");
    partition.for_each([&](std::string_view line) { emit(line); });
  };
  EXPECT_EQ(lines.map_partitions<std::string_view>(check).sort({}, 3).count(), 500000u);
}

TEST_P(Sorting, LargeCompressedTextsAreSampledDecompressed) {
  constexpr std::uint64_t lines = 700000;
  std::string text;
  for (std::uint64_t i = 0; i < lines; ++i) text += std::to_string(random()) + "\n";
  const auto path = workspace.path("in.gz");
  {
    auto file = storage::compress(storage::local_file_system().create(path), storage::Compression::gzip, 1);
    file->write(storage::testing::bytes_of(text));
    file->close();
  }
  ASSERT_GT(std::filesystem::file_size(path), 4u << 20);
  auto number = [](std::string_view line) { return std::stoull(std::string(line)); };
  std::uint64_t last = 0;
  std::uint64_t count = 0;
  context.read_text(path).map(number).sort({}, 4).for_each_in_order([&](std::uint64_t x) {
    if (x >= last) ++count;
    last = x;
  });
  EXPECT_EQ(count, lines);
}

}  // namespace
}  // namespace millrace::testing
