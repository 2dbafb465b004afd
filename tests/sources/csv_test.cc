#include <gtest/gtest.h>

#include "tests/sources/sources_case.h"

namespace millrace {
namespace {

using namespace testing;
using Fields = std::vector<std::string>;

Fields fields_of(const CsvRow& row) {
  Fields fields;
  for (std::size_t i = 0; i < row.size(); ++i) fields.emplace_back(row[i]);
  return fields;
}

class Csv : public SourcesCase {};

TEST_F(Csv, ColumnsHaveNumbersAndNames) {
  const std::string path = workspace.write("prices.csv", "item,price,sold\napple,0.5,3\n\"pear, ripe\", 1.25 ,\n");
  const auto rows = context().read_csv(path).map([](const CsvRow& row) {
    return std::tuple(std::string(row["item"]), row.get<double>("price"), row.get<std::optional<int>>(2), row.size());
  });
  using Row = std::tuple<std::string, double, std::optional<int>, std::size_t>;
  EXPECT_EQ(rows.collect(), (std::vector<Row>{{"apple", 0.5, 3, 3}, {"pear, ripe", 1.25, std::nullopt, 3}}));
}

TEST_F(Csv, EachFileHasItsOwnHeader) {
  workspace.write("in/a.csv", "x,y\n1,2\n");
  workspace.write("in/b.csv", "y,x\n3,4\n");
  const auto xs = context().read_csv(workspace.path("in")).map([](const CsvRow& row) { return row.get<int>("x"); });
  EXPECT_EQ(xs.collect(), (std::vector<int>{1, 4}));
}

TEST_F(Csv, OptionsChooseSeparatorQuoteAndHeader) {
  const std::string path = workspace.write("a.txt", "'a;b';c\n1;'it''s'\n");
  CsvOptions options;
  options.separator = ';';
  options.quote = '\'';
  options.header = false;
  EXPECT_EQ(context().read_csv(path, options).map(fields_of).collect(),
            (std::vector<Fields>{{"a;b", "c"}, {"1", "it's"}}));
}

TEST_F(Csv, RowsAreTheSameForEverySplit) {
  std::string text = "id,text\n";
  std::vector<Fields> expected;
  for (int i = 0; i < 300; ++i) {
    const std::string id = std::to_string(i);
    switch (i % 4) {
      case 0:
        text += id + ",\"line one\nline, two\"\r\n";
        expected.push_back({id, "line one\nline, two"});
        break;
      case 1:
        text += id + ",plain\n";
        expected.push_back({id, "plain"});
        break;
      case 2:
        text += id + ",\"say \"\"hi\"\"\n\n\"\n";
        expected.push_back({id, "say \"hi\"\n\n"});
        break;
      default:
        text += "\n" + id + ",\n";
        expected.push_back({id, ""});
    }
  }
  const std::string path = workspace.write("a.csv", text);
  for (const std::uint64_t split : {1, 7, 64, 1000, 1000000}) {
    for (const unsigned threads : {0u, 1u, 2u, 7u}) {
      EXPECT_EQ(context(split, threads).read_csv(path).map(fields_of).collect(), expected) << split << " " << threads;
    }
  }
}

TEST_F(Csv, AFieldThatIsNoNumberNamesFileByteAndColumn) {
  const std::string path = workspace.write("a.csv", "item,price\napple,1\npear,cheap\n");
  const auto prices = context().read_csv(path).map([](const CsvRow& row) { return row.get<double>("price"); });
  expect_error(Cause::bad_data, {path, "byte 19", "column 1 (price)", "\"cheap\"", "a number"}, [&] { prices.sum(); });
}

TEST_F(Csv, NumbersAreChecked) {
  const std::string path = workspace.write("a.csv", "n\n300\n");
  const auto rows = context().read_csv(path);
  EXPECT_EQ(rows.map([](const CsvRow& row) { return row.get<std::int16_t>(0); }).first(), 300);
  expect_error(Cause::bad_data, {"\"300\"", "0 to 255"},
               [&] { rows.map([](const CsvRow& row) { return row.get<std::uint8_t>(0); }).first(); });
  expect_error(Cause::bad_data, {"true"},
               [&] { rows.map([](const CsvRow& row) { return row.get<bool>(0); }).first(); });
  expect_error(Cause::bad_data, {path, "byte 2", "1 fields", "no column 3"},
               [&] { rows.map([](const CsvRow& row) { return row.get<int>(3); }).first(); });
}

TEST_F(Csv, ANameThatTheHeaderLacksIsAUsageError) {
  const std::string path = workspace.write("a.csv", "item,price\napple,1\n");
  const auto wrong = context().read_csv(path).map([](const CsvRow& row) { return std::string(row["prize"]); });
  expect_error(Cause::usage, {"prize", "item, price", path}, [&] { wrong.collect(); });
  CsvOptions no_header;
  no_header.header = false;
  const auto unnamed =
      context().read_csv(path, no_header).map([](const CsvRow& row) { return std::string(row["item"]); });
  expect_error(Cause::usage, {"item", "numbers"}, [&] { unnamed.collect(); });
}

TEST_F(Csv, ABrokenRowNamesFileAndByteOrIsSkipped) {
  const std::string path = workspace.write("a.csv", "n,t\n1,a\n2,b\"c\n3,\"d\"e\n4,f\n");
  const auto ids = [&](std::uint64_t split, std::uint64_t skips) {
    return context(split, 0, skips).read_csv(path).map([](const CsvRow& row) { return row.get<int>("n"); }).collect();
  };
  for (const std::uint64_t split : {3, 1000}) {
    expect_error(Cause::bad_data, {path, "byte 8"}, [&] { ids(split, 0); });
    expect_error(Cause::bad_data, {path, "byte"}, [&] { ids(split, 1); });
    EXPECT_EQ(ids(split, 2), (std::vector<int>{1, 4})) << split;
  }
}

TEST_F(Csv, ABadFieldIsSkippedAlsoAfterPartOfItWasDelivered) {
  const std::string path = workspace.write("a.csv", "a,b\n1,2\n3,x\n5,6\n");
  const auto numbers = context(0, 2, 1).read_csv(path).flat_map<int>([](const CsvRow& row, auto& emit) {
    emit(row.get<int>("a"));
    emit(row.get<int>("b"));
  });
  EXPECT_EQ(numbers.collect(), (std::vector<int>{1, 2, 5, 6}));
}

TEST_F(Csv, ABrokenArchiveIsNotSkippedRowByRow) {
  const std::string path = workspace.write("a.csv.gz", std::string("\x1f\x8b\x08\0\0\0\0\0\0\3garbage", 17));
  expect_error(Cause::bad_data, {path}, [&] { context(0, 2, 1000000000).read_csv(path).count(); });
}

TEST_F(Csv, WhatWasWrittenIsReadBack) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"a,b", "line\nbreak"}, {"say \"hi\"", ""}, {" ", "x"}};
  const std::string directory = workspace.path("out");
  CsvOutput output;
  output.header = "first,second";
  context().parallelize(rows, 2).write_csv(directory, output);
  const auto back = context().read_csv(directory).map(
      [](const CsvRow& row) { return std::pair(std::string(row["first"]), std::string(row["second"])); });
  EXPECT_EQ(back.collect(), rows);
}

TEST_F(Csv, AnEmptyFileHasNoRows) {
  EXPECT_EQ(context().read_csv(workspace.write("a.csv", "")).count(), 0u);
  EXPECT_EQ(context().read_csv(workspace.write("b.csv", "only,a,header\n")).count(), 0u);
}

}  // namespace
}  // namespace millrace
