#include <memory>

#include <millrace/millrace.h>

#include "dataset_test.h"

namespace millrace::testing {
namespace {

int twice(int x) { return 2 * x; }
bool is_long(std::string_view text) { return text.size() > 3; }

struct Scale {
  int factor;
  int operator()(int x) const { return x * factor; }
};

struct Counting {
  int calls = 0;
  int operator()(int) { return ++calls; }
};

class Functions : public DatasetTest {
 protected:
  const std::vector<int> values{1, 2, 3};
  auto numbers() { return context.parallelize(values, 1); }
};
MILLRACE_ALL_SHAPES(Functions);

TEST_P(Functions, PointersToFunctions) {
  EXPECT_EQ(numbers().map(twice).collect(), (std::vector<int>{2, 4, 6}));
  EXPECT_EQ(numbers().map(&twice).collect(), (std::vector<int>{2, 4, 6}));
  const auto lines = context.read_text(workspace.write("in", "abc\nabcd\n"));
  EXPECT_EQ(lines.filter(is_long).collect(), (std::vector<std::string>{"abcd"}));
}

TEST_P(Functions, ObjectsWithState) {
  EXPECT_EQ(numbers().map(Scale{5}).collect(), (std::vector<int>{5, 10, 15}));
  const auto counted = numbers().map(Counting{});
  EXPECT_EQ(counted.collect(), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(counted.collect(), (std::vector<int>{1, 2, 3})) << "each task begins with a fresh copy";
}

TEST_P(Functions, CapturedValues) {
  const int offset = 10;
  const double factor = 0.5;
  EXPECT_EQ(numbers().map([=](int x) { return offset + x * factor; }).collect(), (std::vector<double>{10.5, 11, 11.5}));
}

TEST_P(Functions, CaptureCarriesWhatOwnsMemory) {
  const std::vector<std::string> names{"zero", "one", "two", "three"};
  auto name = capture(names, std::string("!"), [](const auto& all, const std::string& end, int x) {
    return all[static_cast<std::size_t>(x)] + end;
  });
  EXPECT_EQ(numbers().map(name).collect(), (std::vector<std::string>{"one!", "two!", "three!"}));
  auto starts_with =
      capture(std::string("t"), [](const std::string& with, std::string_view text) { return text.starts_with(with); });
  EXPECT_EQ(numbers().map(name).filter(starts_with).collect(), (std::vector<std::string>{"two!", "three!"}));
}

TEST_P(Functions, CaptureWorksInEveryKindOfOperation) {
  const auto pairs = numbers().map([](int x) { return std::pair(x % 2, x); });
  auto add = capture(std::vector<int>{100}, [](const std::vector<int>& base, int a, int b) { return a + b + base[0]; });
  EXPECT_EQ(sorted(pairs.reduce_by_key(add, 2).collect()), (std::vector<std::pair<int, int>>{{0, 2}, {1, 104}}));
  EXPECT_EQ(sorted(pairs.fold_by_key(0, add, 2).collect()), (std::vector<std::pair<int, int>>{{0, 102}, {1, 204}}));
  EXPECT_EQ(numbers().reduce(add), 206);
  auto rank = capture(std::vector<int>{0, 3, 1, 2},
                      [](const std::vector<int>& order, int x) { return order[static_cast<std::size_t>(x)]; });
  EXPECT_EQ(numbers().sort_by(rank, {}, 2).collect(), (std::vector<int>{2, 3, 1}));
  EXPECT_EQ(numbers().key_by(rank).keys().collect(), (std::vector<int>{3, 1, 2}));
  EXPECT_EQ(pairs.map_values(rank).values().collect(), (std::vector<int>{3, 1, 2}));
  EXPECT_EQ(pairs.partition_by(rank, 2).count(), 3u);
  auto less = capture(std::vector<int>{0, 3, 1, 2}, [](const std::vector<int>& order, int a, int b) {
    return order[static_cast<std::size_t>(a)] < order[static_cast<std::size_t>(b)];
  });
  EXPECT_EQ(numbers().sort(less, 2).collect(), (std::vector<int>{2, 3, 1}));
  EXPECT_EQ(numbers().top(1, less), (std::vector<int>{1}));
}

TEST_P(Functions, ReferencesAndPointersAreRefusedWhenTheyAreGiven) {
  int on_the_stack = 1;
  const auto on_the_heap = std::make_unique<int>(2);
  static int in_the_data = 3;
  int* const pointer = on_the_heap.get();
  int* const fixed = &in_the_data;
  const auto refused = [&](const char* operation, auto call) {
    expect_error(Cause::usage, {operation, "functions_test.cc:", "capture"}, call);
  };
  refused("map", [&] { numbers().map([&](int x) { return x + on_the_stack; }); });
  refused("filter", [&] { numbers().filter([pointer](int x) { return x == *pointer; }); });
  refused("map", [&] { numbers().map([fixed](int x) { return x + *fixed; }); });
  refused("flat_map", [&] { numbers().flat_map<int>([&](int x, auto& emit) { emit(x + on_the_stack); }); });
  refused("map_partitions", [&] { numbers().map_partitions<int>([&](auto&, auto& emit) { emit(on_the_stack); }); });
  refused("generate", [&] { context.generate(3, [&](std::uint64_t) { return on_the_stack; }); });
  refused("sort_by", [&] { numbers().sort_by([&](int x) { return x * on_the_stack; }); });
  const auto pairs = numbers().map([](int x) { return std::pair(x, x); });
  refused("reduce_by_key", [&] { pairs.reduce_by_key([&](int a, int b) { return a + b + on_the_stack; }); });
  refused("reduce_groups", [&] { pairs.reduce_groups<int>([&](int, auto&, auto& emit) { emit(on_the_stack); }); });
  refused("key_by", [&] { numbers().key_by([&](int x) { return x * on_the_stack; }); });
  refused("partition_by", [&] { pairs.partition_by([&](int x) { return x * on_the_stack; }, 2); });
}

TEST_P(Functions, ReferencesInsideOfCapturedAndActionsAreRefusedToo) {
  int on_the_stack = 1;
  const auto refused = [&](auto call) { expect_error(Cause::usage, {"functions_test.cc:", "capture"}, call); };
  refused(
      [&] { numbers().map(capture(std::string("x"), [&](const std::string&, int x) { return x + on_the_stack; })); });
  refused([&] { numbers().reduce([&](int a, int b) { return a + b + on_the_stack; }); });
  refused([&] { numbers().foreach ([&](int x) { on_the_stack += x; }); });
  refused([&] { numbers().top(1, [&](int a, int b) { return a + on_the_stack < b; }); });
  refused([&] { numbers().sort([&](int a, int b) { return a + on_the_stack < b; }); });
  refused([&] {
    numbers().aggregate(
        0, [&](int a, int b) { return a + b + on_the_stack; }, std::plus<>{});
  });
}

TEST_P(Functions, NumbersThatAreNoAddressesMayBeCaptured) {
  // Below 2 GiB: above it lies the shadow memory of the address sanitizer, and a number there is an address.
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 63, ~std::uint64_t{0},
                                    std::uint64_t{0x9e3779b97f4a7c15}, std::uint64_t{2000000000}}) {
    EXPECT_EQ(numbers().map([value](int) { return value; }).first(), value);
  }
  EXPECT_EQ(numbers().map([small = char{1}, large = std::uint64_t{2}](int) { return small + large; }).first(), 3u);
}

TEST_P(Functions, MembersOfTheElement) {
  struct Point {
    int x;
    int y;
  };
  const auto points = context.parallelize(std::vector<Point>{{1, 2}, {3, 4}}, 2);
  EXPECT_EQ(points.map([](const Point& p) { return p.x * p.y; }).collect(), (std::vector<int>{2, 12}));
}

}  // namespace
}  // namespace millrace::testing
