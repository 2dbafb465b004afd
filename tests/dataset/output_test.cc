#include <millrace/millrace.h>

#include "dataset_test.h"

namespace millrace::testing {

struct Celsius {
  double degrees;
};
void to_text(std::string& out, const Celsius& value) {
  internal::print_text(out, value.degrees);
  out += " C";
}

namespace {

class Output : public DatasetTest {
 protected:
  std::string out() const { return workspace.path("out"); }
};
MILLRACE_ALL_SHAPES(Output);

TEST_P(Output, TextIsOneLineAnElementAndOneFileAPartition) {
  context.parallelize(std::vector<int>{1, 2, 3, 4, 5}, 2).write_text(out());
  EXPECT_EQ(read_output(out()),
            (std::map<std::string, std::string>{{"part-00000", "1\n2\n"}, {"part-00001", "3\n4\n5\n"}}));
  EXPECT_TRUE(names_in(workspace.tmp()).empty());
}

TEST_P(Output, EmptyPartitionsHaveEmptyFiles) {
  context.parallelize(std::vector<int>{7}, 3).filter([](int x) { return x != 7; }).write_text(out());
  const auto files = read_output(out());
  EXPECT_EQ(files.size(), 3u);
  for (const auto& [name, content] : files) EXPECT_EQ(content, "") << name;
}

TEST_P(Output, EveryPrintableType) {
  enum class Colour : std::uint8_t { red = 3 };
  const auto write = [&](const auto& values) {
    Options shaped = options();
    shaped.overwrite = true;
    Context(shaped).parallelize(values, 1).write_text(out());
    return read_parts(out());
  };
  EXPECT_EQ(write(std::vector<std::string>{"as it is\t", ""}), "as it is\t\n\n");
  EXPECT_EQ(write(std::vector<std::int8_t>{-128, 127}), "-128\n127\n");
  EXPECT_EQ(write(std::vector<std::uint64_t>{~std::uint64_t{0}}), "18446744073709551615\n");
  EXPECT_EQ(write(std::vector<double>{0.1, 1e300, -2}), "0.1\n1e+300\n-2\n");
  EXPECT_EQ(write(std::vector<char>{'x'}), "x\n");
  EXPECT_EQ(write(std::vector<Colour>{Colour::red}), "3\n");
  EXPECT_EQ(write(std::vector<std::pair<std::string, int>>{{"k", 1}}), "k\t1\n");
  EXPECT_EQ(write(std::vector<std::tuple<int, std::pair<int, int>, std::string>>{{1, {2, 3}, "x"}}), "1\t2\t3\tx\n");
  EXPECT_EQ(write(std::vector<std::vector<int>>{{1, 2}, {}}), "1,2\n\n");
  EXPECT_EQ(write(std::vector<std::pair<int, std::optional<int>>>{{1, 2}, {3, std::nullopt}}), "1\t2\n3\t\n");
  EXPECT_EQ(write(std::vector<Celsius>{{36.6}}), "36.6 C\n");
}

TEST_P(Output, CsvIsQuotedWhereNeeded) {
  using Row = std::tuple<std::string, int, std::string>;
  const std::vector<Row> rows{{"plain", 1, "with,comma"}, {"\"quoted\"", 2, "two\nlines"}, {"", -3, "semi;colon"}};
  context.parallelize(rows, 1).write_csv(out());
  EXPECT_EQ(read_output(out()).at("part-00000.csv"),
            "plain,1,\"with,comma\"\r\n\"\"\"quoted\"\"\",2,\"two\nlines\"\r\n,-3,semi;colon\r\n");
  CsvOutput semicolons;
  semicolons.separator = ';';
  semicolons.header = "a;b;c";
  context.parallelize(rows, 1).write_csv(workspace.path("other"), semicolons);
  EXPECT_EQ(read_output(workspace.path("other")).at("part-00000.csv"),
            "a;b;c\r\nplain;1;with,comma\r\n\"\"\"quoted\"\"\";2;\"two\nlines\"\r\n;-3;\"semi;colon\"\r\n");
}

TEST_P(Output, RecordsAreTheirBytes) {
  struct Point {
    std::int32_t x;
    std::int32_t y;
  };
  context.parallelize(std::vector<Point>{{1, 2}, {3, 4}}, 1).write_records(out());
  const auto read = context.read_records<Point>(out()).collect();
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[1].x, 3);
  EXPECT_EQ(read[1].y, 4);
  context.parallelize(std::vector<std::string>{"ab", "cd"}, 1).write_records(workspace.path("text"));
  EXPECT_EQ(read_parts(workspace.path("text")), "abcd");
}

TEST_P(Output, ViewsOfTheInputAreWritten) {
  const auto in = workspace.write("in", "b x\na y\n");
  context.read_text(in)
      .map([](std::string_view line) { return std::pair(line.substr(2), line.substr(0, 1)); })
      .write_text(out());
  EXPECT_EQ(read_parts(out()), "x\tb\ny\ta\n");
}

TEST_P(Output, SideFilesAreCommittedWithTheTask) {
  auto body = [](auto& partition, auto& emit) {
    auto file = TaskContext::current()->side_file("odd");
    partition.for_each([&](int x) {
      if (x % 2 == 0) return emit(x);
      file->write(std::to_string(x) + "\n");
    });
    file->close();
  };
  context.parallelize(std::vector<int>{1, 2, 3, 4, 5}, 2).map_partitions<int>(body).write_text(out());
  EXPECT_EQ(read_output(out()),
            (std::map<std::string, std::string>{
                {"part-00000", "2\n"}, {"part-00001", "4\n"}, {"odd-00000", "1\n"}, {"odd-00001", "3\n5\n"}}));
}

TEST_P(Output, SideFilesNeedAPlainNameAndAnOutput) {
  for (const std::string name : {"", "a/b", "_x", ".x"}) {
    auto body = capture(name, [](const std::string& file, auto& partition, auto&) {
      TaskContext::current()->side_file(file);
      partition.for_each([](int) {});
    });
    expect_error(Cause::usage, {"side_file", "\"" + name + "\""},
                 [&] { context.parallelize(std::vector<int>{1}).map_partitions<int>(body).write_text(out()); });
    EXPECT_FALSE(std::filesystem::exists(out()));
  }
  auto body = [](auto&, auto&) { TaskContext::current()->side_file("x"); };
  expect_error(Cause::usage, {"directory"},
               [&] { context.parallelize(std::vector<int>{1}).map_partitions<int>(body).count(); });
}

TEST_P(Output, AnOutputIsAnInput) {
  context.parallelize(std::vector<int>{3, 1, 2}, 3).write_text(out());
  EXPECT_EQ(context.read_text(out()).collect(), (std::vector<std::string>{"3", "1", "2"}));
}

TEST_P(Output, LongLinesAndManyFitWhole) {
  auto line = [](std::uint64_t i) { return std::string(i % 3 == 0 ? 400000 : 5, static_cast<char>('a' + i)); };
  context.generate(10, line, 2).write_text(out());
  std::string expected;
  for (std::uint64_t i = 0; i < 10; ++i) expected += line(i) + "\n";
  EXPECT_EQ(read_parts(out()), expected);
}

}  // namespace
}  // namespace millrace::testing
