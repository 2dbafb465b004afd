#include <filesystem>
#include <gtest/gtest.h>

#include "tests/workspace.h"

namespace millrace {
namespace {

using namespace testing;

struct Point {
  double x = 0;
  double y = 0;
  bool operator==(const Point&) const = default;
};

struct Visit {
  std::string url;
  std::vector<std::uint32_t> hits;
  static constexpr auto fields = std::tuple{&Visit::url, &Visit::hits};
  bool operator==(const Visit&) const = default;
};

class RecordFiles : public ::testing::Test {
 protected:
  template <class T>
  void expect_round_trip(const std::vector<T>& values, const std::string& type_name) {
    SCOPED_TRACE(type_name);
    const std::string directory = workspace.path("saved-" + std::to_string(next++));
    Context context(workspace.options());
    context.parallelize(values, 3).save(directory);
    for (const std::uint64_t split : {std::uint64_t{10}, std::uint64_t{1000}, std::uint64_t{0}}) {
      Options options = workspace.options();
      options.split_bytes = split;
      EXPECT_EQ(Context(options).load<T>(directory).collect(), values) << split;
    }
    const std::string file = read_file(directory + "/part-00000.mrec");
    EXPECT_NE(file.find(type_name), file.npos) << internal::element_type_name<T>();
  }

  Workspace workspace;
  int next = 0;
};

TEST_F(RecordFiles, GiveBackElementsOfManyTypes) {
  expect_round_trip<std::uint64_t>({1, 2, 3, ~std::uint64_t{0}}, "u64");
  expect_round_trip<std::int8_t>({-1, 2, 3}, "i8");
  expect_round_trip<double>({0.5, -1e300, 3}, "f64");
  expect_round_trip<char>({'a', 'b', 'c'}, "i8");
  expect_round_trip<std::string>({"", "one", std::string(300000, 'x'), std::string("a\0b", 3)}, "text");
  expect_round_trip<std::pair<std::string, std::uint32_t>>({{"a", 1}, {"b", 2}}, "(text,u32)");
  expect_round_trip<std::tuple<int, std::string, double>>({{1, "a", 0.5}, {2, "b", 1.5}}, "(i32,text,f64)");
  expect_round_trip<std::vector<std::string>>({{}, {"a"}, {"b", "c"}}, "[text]");
  expect_round_trip<std::vector<std::vector<std::uint16_t>>>({{}, {{}, {1}}, {{2, 3}}}, "[[u16]]");
  expect_round_trip<std::optional<std::string>>({std::nullopt, "a", ""}, "?text");
  expect_round_trip<std::array<std::string, 2>>({{"a", "b"}, {"c", "d"}}, "2*text");
  expect_round_trip<Point>({{1, 2}, {3, 4}}, "bytes16");
  expect_round_trip<Visit>({{"/", {1, 2}}, {"", {}}}, "{text,[u32]}");
}

TEST_F(RecordFiles, HoldManyBlocksThatAreSplit) {
  std::vector<std::pair<std::uint64_t, std::string>> values;
  for (std::uint64_t i = 0; i < 50000; ++i)
    values.emplace_back(i, std::string(i % 60, static_cast<char>('a' + i % 26)));
  const std::string directory = workspace.path("saved");
  Context(workspace.options()).parallelize(values, 1).save(directory);
  using Value = std::pair<std::uint64_t, std::string>;
  for (const std::uint64_t split : {4096, 100000, 100000000}) {
    for (const unsigned threads : {0u, 1u, 2u, 7u}) {
      Options options = workspace.options(threads);
      options.split_bytes = split;
      Context context(options);
      const auto loaded = context.load<Value>(directory);
      EXPECT_TRUE(split > 4096 || loaded.partitions() > 2) << loaded.partitions();
      EXPECT_EQ(loaded.collect(), values) << split << " " << threads;
    }
  }
}

TEST_F(RecordFiles, DoNotDependOnThreadsOrMemory) {
  std::map<std::string, std::string> first;
  for (const unsigned threads : {0u, 1u, 2u, 7u}) {
    for (const std::uint64_t memory : {std::uint64_t{2} << 20, std::uint64_t{64} << 20}) {
      const std::string directory = workspace.path("saved");
      Options options = workspace.options(threads, memory);
      options.overwrite = true;
      Context context(options);
      context
          .generate(
              200000,
              [](std::uint64_t i) {
                return std::pair{i, i * i};
              },
              5)
          .save(directory);
      const auto files = read_output(directory);
      EXPECT_EQ(files.size(), 5u);
      if (first.empty()) first = files;
      EXPECT_TRUE(files == first) << threads << " threads, " << memory << " bytes";
    }
  }
}

TEST_F(RecordFiles, ReadAsViewsWhatWasWrittenAsStrings) {
  const std::string directory = workspace.path("saved");
  Context context(workspace.options());
  context.parallelize(std::vector<std::string>{"a", "bc"}).save(directory);
  EXPECT_EQ(context.load<std::string_view>(directory).collect(), (std::vector<std::string>{"a", "bc"}));
}

TEST_F(RecordFiles, KeepAnEmptyDataset) {
  const std::string directory = workspace.path("saved");
  Context context(workspace.options());
  context.parallelize(std::vector<int>{}).save(directory);
  EXPECT_EQ(context.load<int>(directory).count(), 0u);
}

TEST_F(RecordFiles, OfAnotherTypeAreRefusedNamingBothTypes) {
  const std::string directory = workspace.path("saved");
  Context context(workspace.options());
  context.parallelize(std::vector<std::uint32_t>{1, 2}).save(directory);
  expect_error(Cause::bad_data, {"part-00000.mrec", "type u32", "type f64"},
               [&] { context.load<double>(directory).count(); });
}

TEST_F(RecordFiles, ThatAreDamagedAreNamedWithTheByte) {
  const std::string directory = workspace.path("saved");
  Context context(workspace.options());
  context
      .generate(
          100000, [](std::uint64_t i) { return i * 2654435761u; }, 1)
      .save(directory);
  const std::string path = directory + "/part-00000.mrec";
  const std::string good = read_file(path);
  const auto write = [&](const std::string& content) { std::ofstream(path, std::ios::binary) << content; };
  for (const std::size_t at : {std::size_t{20}, std::size_t{100}, good.size() / 2, good.size() - 60}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    write(bad);
    expect_error(Cause::bad_data, {path, "byte"}, [&] { context.load<std::uint64_t>(directory).count(); });
  }
  write(good.substr(0, good.size() / 2));
  expect_error(Cause::bad_data, {path, "byte"}, [&] { context.load<std::uint64_t>(directory).count(); });
  write("not a record file at all");
  expect_error(Cause::bad_data, {path, "byte 0"}, [&] { context.load<std::uint64_t>(directory).count(); });
  write(good);
  EXPECT_EQ(context.load<std::uint64_t>(directory).count(), 100000u);
}

TEST_F(RecordFiles, CheckpointCutsTheLineage) {
  Context context(workspace.options());
  auto runs = context.accumulator<std::uint64_t>();
  auto squares = context.generate(1000, [runs](std::uint64_t i) {
    runs.add(1);
    return std::pair{i % 10, i * i};
  });
  const auto sums = squares.reduce_by_key(std::plus<>{});
  const auto kept = sums.checkpoint();
  EXPECT_EQ(runs.value(), 1000u);
  EXPECT_EQ(kept.collect(), sums.collect());
  const std::uint64_t after = runs.value();
  EXPECT_EQ(kept.count(), 10u);
  EXPECT_EQ(runs.value(), after);
  EXPECT_EQ(kept.explain().find("generate"), std::string::npos) << kept.explain();
}

TEST_F(RecordFiles, CheckpointsGoWithTheContext) {
  {
    Context context(workspace.options());
    const auto kept = context.parallelize(std::vector<int>{1, 2, 3}).checkpoint();
    EXPECT_FALSE(names_in(workspace.tmp()).empty());
    EXPECT_EQ(kept.count(), 3u);
  }
  EXPECT_EQ(names_in(workspace.tmp()), std::vector<std::string>{});
}

}  // namespace
}  // namespace millrace
