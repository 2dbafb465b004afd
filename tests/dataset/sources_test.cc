#include <millrace/millrace.h>

#include "dataset_test.h"

namespace millrace::testing {
namespace {

using Strings = std::vector<std::string>;

class Sources : public DatasetTest {};
MILLRACE_ALL_SHAPES(Sources);

TEST_P(Sources, LinesHaveNoNewlineAndKeepTheirCarriageReturn) {
  const auto file = workspace.write("in", "one\r\n\n three \nno end");
  EXPECT_EQ(context.read_text(file).collect(), (Strings{"one\r", "", " three ", "no end"}));
}

TEST_P(Sources, AnEmptyFileHasNoLines) { EXPECT_EQ(context.read_text(workspace.write("in", "")).collect(), Strings()); }

TEST_P(Sources, ADirectoryWithoutFilesHasNoElements) {
  std::filesystem::create_directory(workspace.path("empty"));
  const auto lines = context.read_text(workspace.path("empty"));
  EXPECT_EQ(lines.collect(), Strings());
  EXPECT_EQ(lines.count(), 0u);
  EXPECT_EQ(lines.sort().collect(), Strings());
  EXPECT_EQ(lines.distinct(3).collect(), Strings());
  EXPECT_EQ(lines.union_with(lines).sort({}, 4).collect(), Strings());
  EXPECT_EQ(lines.coalesce(3).collect(), Strings());
  EXPECT_EQ(lines.cartesian(lines).count(), 0u);
  lines.write_text(workspace.path("out"));
  EXPECT_EQ(read_parts(workspace.path("out")), "");
}

TEST_P(Sources, FilesDirectoriesGlobsAndListsComeInOrder) {
  workspace.write("d/b", "b\n");
  workspace.write("d/a", "a\n");
  workspace.write("d/_hidden", "no\n");
  const auto last = workspace.write("z", "z\n");
  const auto lines = context.read_text({last, workspace.path("d"), workspace.path("d/[b]")});
  EXPECT_EQ(lines.collect(), (Strings{"z", "a", "b", "b"}));
}

TEST_P(Sources, WholeFilesComeWithTheirPaths) {
  const auto a = workspace.write("a", "one\ntwo\n");
  const auto b = workspace.write("b", "");
  const std::vector<std::pair<std::string, std::string>> expected{{a, "one\ntwo\n"}, {b, ""}};
  EXPECT_EQ(context.read_files({a, b}).collect(), expected);
}

TEST_P(Sources, RecordsAreObjects) {
  struct Point {
    std::int32_t x;
    double y;
  };
  std::vector<Point> points;
  for (int i = 0; i < 1000; ++i) points.push_back({i, i / 2.0});
  const std::string_view bytes(reinterpret_cast<const char*>(points.data()), points.size() * sizeof(Point));
  const auto read = context.read_records<Point>(workspace.write("in", bytes)).collect();
  ASSERT_EQ(read.size(), 1000u);
  EXPECT_EQ(read[999].x, 999);
  EXPECT_EQ(read[999].y, 499.5);
}

TEST_P(Sources, BinaryRecordsAreViewsOfTheirBytes) {
  const auto file = workspace.write("in", "aaabbbccc");
  EXPECT_EQ(context.read_binary({file}, 3).collect(), (Strings{"aaa", "bbb", "ccc"}));
}

TEST_P(Sources, ParallelizeKeepsTheOrder) {
  std::vector<int> values;
  for (int i = 0; i < 1000; ++i) values.push_back(i * 7 % 1000);
  for (const std::uint32_t partitions : {0u, 1u, 3u, 1000u, 1500u}) {
    const auto dataset = context.parallelize(values, partitions);
    EXPECT_EQ(dataset.collect(), values) << partitions;
    if (partitions != 0) {
      EXPECT_EQ(dataset.partitions(), partitions);
    }
  }
  EXPECT_EQ(context.parallelize(std::vector<int>{}).collect(), std::vector<int>());
}

TEST_P(Sources, GenerateComputesEachIndexOnce) {
  for (const std::uint64_t n : {0, 1, 10, 4096, 10001}) {
    for (const std::uint32_t partitions : {0u, 1u, 7u, 64u}) {
      const auto squares = context
                               .generate(
                                   n, [](std::uint64_t i) { return i * i; }, partitions)
                               .collect();
      ASSERT_EQ(squares.size(), n) << partitions;
      for (std::uint64_t i = 0; i < n; ++i) ASSERT_EQ(squares[i], i * i);
    }
  }
}

TEST_P(Sources, SplitsNeverTearOrRepeatALine) {
  std::string text;
  Strings lines;
  for (int i = 0; i < 200; ++i) {
    lines.push_back(std::string(static_cast<std::size_t>(i % 17), 'x') + std::to_string(i));
    text += lines.back() + "\n";
  }
  const auto file = workspace.write("in", text);
  for (const std::uint64_t split_bytes : {1, 2, 7, 64, 1000, 1 << 20}) {
    Options shaped = options();
    shaped.split_bytes = split_bytes;
    EXPECT_EQ(Context(shaped).read_text(file).collect(), lines) << split_bytes;
  }
}

TEST_P(Sources, AMissingInputIsKnownBeforeAnyWork) {
  expect_error(Cause::input, {workspace.path("nowhere")}, [&] { context.read_text(workspace.path("nowhere")); });
  expect_error(Cause::usage, {"read_text", "no input"}, [&] { context.read_text(Strings{}); });
}

TEST_P(Sources, ARecordThatIsCutIsAnError) {
  const auto file = workspace.write("in", "aaabb");
  expect_error(Cause::bad_data, {file}, [&] { context.read_binary({file}, 3).count(); });
  expect_error(Cause::usage, {"read_binary", "record size"}, [&] { context.read_binary({file}, 0); });
}

}  // namespace
}  // namespace millrace::testing
