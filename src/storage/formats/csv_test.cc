#include "storage/formats/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

#include "storage/compression.h"
#include "storage/faulty_file_system.h"
#include "storage/formats/csv_split.h"
#include "storage/memory_file_system.h"
#include "storage/testing.h"

namespace millrace::storage {
namespace {

using testing::bytes_of;
using ::testing::ElementsAre;
using testing::expect_error;
using testing::write_file;

using Rows = std::vector<std::vector<std::string>>;

Rows read(const FileSystem& files, const FileSplit& split, const CsvOptions& options, std::size_t chunk = 1 << 18) {
  CsvReader reader(files, split, options, {chunk, {}});
  CsvRow row;
  Rows rows;
  while (reader.next(row)) rows.emplace_back(row.fields.begin(), row.fields.end());
  EXPECT_FALSE(reader.next(row));
  return rows;
}

class CsvTest : public ::testing::Test {
 protected:
  Rows parse(const std::string& text, CsvOptions options = {.header = false}) {
    write_file(files_, "/x", text);
    const Rows rows = read(files_, {"/x", 0, text.size(), true}, options);
    for (const std::size_t chunk : {1u, 2u, 5u, 64u, 65u}) {
      EXPECT_EQ(read(files_, {"/x", 0, text.size(), true}, options, chunk), rows) << "chunk " << chunk;
    }
    return rows;
  }

  MemoryFileSystem files_;
};

TEST_F(CsvTest, PlainRows) {
  EXPECT_EQ(parse("a,b\nc,d\n"), (Rows{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(parse("a,b\r\nc,d"), (Rows{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(parse(""), Rows{});
  EXPECT_EQ(parse("a"), (Rows{{"a"}}));
  EXPECT_EQ(parse(",\n,,\n"), (Rows{{"", ""}, {"", "", ""}}));
  EXPECT_EQ(parse("a,"), (Rows{{"a", ""}}));
  EXPECT_EQ(parse("a\rb,c\n"), (Rows{{"a\rb", "c"}}));
}

TEST_F(CsvTest, BlankLinesAreNoRowsAndAnEmptyQuotedFieldIsOne) {
  EXPECT_EQ(parse("\n\r\na\n\n\"\"\n\"\"\r\n\n"), (Rows{{"a"}, {""}, {""}}));
}

TEST_F(CsvTest, QuotedFields) {
  EXPECT_EQ(parse("\"a,b\",\"c\nd\"\n"), (Rows{{"a,b", "c\nd"}}));
  EXPECT_EQ(parse("\"say \"\"hi\"\"\",\"\"\"\"\r\n\"\"\"a\"\"\"\n"), (Rows{{"say \"hi\"", "\""}, {"\"a\""}}));
  EXPECT_EQ(parse("\"\",\"\"\n"), (Rows{{"", ""}}));
  EXPECT_EQ(parse("x,\"no newline at the end\""), (Rows{{"x", "no newline at the end"}}));
  EXPECT_EQ(parse("\"" + std::string(200, ',') + "\",b\n"), (Rows{{std::string(200, ','), "b"}}));
  EXPECT_EQ(parse("\"\r\n\"\r\n"), (Rows{{"\r\n"}}));
}

TEST_F(CsvTest, ManyResolvedFieldsOfOneRowStayValid) {
  std::string line;
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    line += (i > 0 ? "," : "") + std::string("\"\"\"") + std::to_string(i) + "\"\"\"";
    expected.push_back("\"" + std::to_string(i) + "\"");
  }
  EXPECT_EQ(parse(line + "\n" + line), (Rows{expected, expected}));
}

TEST_F(CsvTest, OtherDelimitersAndQuotes) {
  EXPECT_EQ(parse("a;'b;c'\n", {.delimiter = ';', .quote = '\'', .header = false}), (Rows{{"a", "b;c"}}));
  EXPECT_EQ(parse("a\t\"b\nc\"\td\n", {.delimiter = '\t', .quote = 0, .header = false}),
            (Rows{{"a", "\"b"}, {"c\"", "d"}}));
  EXPECT_EQ(parse(std::string("a\0b,c\n", 6), {.quote = 0, .header = false}), (Rows{{std::string("a\0b", 3), "c"}}));
}

TEST_F(CsvTest, HeaderAndByteOrderMark) {
  write_file(files_, "/x", "\xef\xbb\xbfname,\"the age\"\nann,3\n");
  CsvReader reader(files_, {"/x", 0, 0, true}, {}, {1, {}});
  EXPECT_THAT(reader.header(), ElementsAre("name", "the age"));
  CsvRow row;
  ASSERT_TRUE(reader.next(row));
  EXPECT_THAT(row.fields, ElementsAre("ann", "3"));
  EXPECT_EQ(row.offset, 18u);
  EXPECT_THAT(read_csv_header(files_, "/x", {.header = false}), ElementsAre("name", "the age"));
  write_file(files_, "/y", "");
  EXPECT_THAT(read_csv_header(files_, "/y", {}), ElementsAre());
}

TEST_F(CsvTest, BrokenRowsNameTheirByteAndTheNextLineGoesOn) {
  const struct {
    const char* text;
    const char* place;
  } cases[] = {{"ok\na\"b,c\nnext\n", "byte 4,"},
               {"ok\n\"a\"b,c\nnext\n", "byte 6,"},
               {"ok\n\"a\" ,c\nnext\n", "byte 6,"},
               {"ok\nx,y\nnext\n", "byte 3 has 2 fields instead of 1"},
               {"ok\n\"open\nnext\n", "byte 3,"}};
  for (const auto& one : cases) {
    for (const std::size_t chunk : {1u, 4096u}) {
      SCOPED_TRACE(one.text);
      write_file(files_, "/x", one.text);
      CsvReader reader(files_, {"/x", 0, 0, true}, {.header = false, .columns = 1}, {chunk, {}});
      CsvRow row;
      ASSERT_TRUE(reader.next(row));
      expect_error(Cause::bad_data, {"/x", one.place}, [&] { reader.next(row); });
      ASSERT_TRUE(reader.next(row));
      EXPECT_THAT(row.fields, ElementsAre("next"));
      EXPECT_FALSE(reader.next(row));
    }
  }
}

TEST_F(CsvTest, ARowLongerThanEveryBuffer) {
  const std::string field(3 << 20, 'x');
  write_file(files_, "/x", "a,\"" + field + "\n" + field + "\"\nb\n");
  std::size_t taken = 0;
  CsvReader reader(files_, {"/x", 0, 0, true}, {.header = false}, {4096, [&](std::size_t n) { taken += n; }});
  CsvRow row;
  ASSERT_TRUE(reader.next(row));
  EXPECT_TRUE(row.fields[1] == field + "\n" + field);
  ASSERT_TRUE(reader.next(row));
  EXPECT_THAT(row.fields, ElementsAre("b"));
  EXPECT_GT(taken, field.size() * 2);
}

/// Rows of generated fields, some of which have everything that has to be quoted.
Rows sample_rows(std::size_t count, std::uint64_t seed, std::size_t longest = 12) {
  std::mt19937_64 random(seed);
  constexpr std::string_view alphabet = "abc,,\"\"\n\r\n ;x";
  Rows rows(count);
  for (auto& row : rows) {
    row.resize(1 + random() % 5);
    for (std::string& field : row) {
      for (std::size_t left = random() % longest; left > 0; --left) field += alphabet[random() % alphabet.size()];
    }
  }
  return rows;
}

std::string write_rows(const Rows& rows, const CsvOptions& options) {
  std::string text;
  for (const auto& row : rows) {
    const std::vector<std::string_view> fields(row.begin(), row.end());
    append_csv_row(text, fields, options);
  }
  return text;
}

TEST_F(CsvTest, WhatIsWrittenIsReadBack) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  for (std::uint64_t round = 0; round < 50; ++round) {
    const Rows rows = sample_rows(40, seed + round);
    const CsvOptions options{.delimiter = round % 2 == 0 ? ',' : ';', .header = false};
    EXPECT_EQ(parse(write_rows(rows, options), options), rows);
  }
  EXPECT_EQ(parse(write_rows({{"\xef\xbb\xbf"}, {}}, {})), (Rows{{"\xef\xbb\xbf"}, {""}}));
  std::string text;
  const std::string_view field = "a\tb";
  expect_error(Cause::bad_data, {"a\tb"},
               [&] { append_csv_row(text, std::span(&field, 1), {.delimiter = '\t', .quote = 0}); });
}

TEST_F(CsvTest, EverySplitSizeGivesTheSameRows) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 30; ++round) {
    const Rows rows = sample_rows(20, seed + static_cast<std::uint64_t>(round), round % 3 == 0 ? 150 : 12);
    const CsvOptions options{.header = false};
    std::string text = write_rows(rows, options);
    if (round % 2 == 0) text.pop_back();
    write_file(files_, "/x", text);
    FileInfo info;
    files_.stat("/x", info);
    for (const std::uint64_t split_bytes : {std::uint64_t{1}, 1 + random() % 100, 1 + random() % text.size()}) {
      Rows seen;
      std::uint64_t end = 0;
      for (const FileSplit& split : split_csv_files(files_, std::span(&info, 1), split_bytes, options, 1 + round % 3)) {
        EXPECT_EQ(split.begin, end);
        end = split.end;
        for (auto& row : read(files_, split, options, 1 + random() % 200)) seen.push_back(std::move(row));
      }
      EXPECT_EQ(end, text.size());
      EXPECT_EQ(seen, rows) << "split_bytes " << split_bytes;
    }
  }
}

TEST_F(CsvTest, SplitsWithoutQuotedNewlinesNeedNoLookThrough) {
  std::string text = "h1,h2\n";
  for (int i = 0; i < 20000; ++i) text += "\"quoted, " + std::to_string(i) + "\"," + std::to_string(i) + "\n";
  write_file(files_, "/x", text);
  FileInfo info;
  files_.stat("/x", info);
  const CsvOptions options{.quoted_newlines = false};
  std::size_t rows = 0;
  const auto splits = split_csv_files(files_, std::span(&info, 1), 10000, options);
  EXPECT_GT(splits.size(), 40u);
  for (const FileSplit& split : splits) rows += read(files_, split, options).size();
  EXPECT_EQ(rows, 20000u);
  write_file(files_, "/x", "h\n\"a\nb\"\n");
  expect_error(Cause::bad_data, {"newline in a quoted field at byte 2"}, [&] {
    read(files_, {"/x", 0, 0, true}, options);
  });
}

TEST_F(CsvTest, ReadsCompressedFilesWhole) {
  const Rows rows = sample_rows(5000, 1);
  const auto file = compress(files_.create("/x"), Compression::zstd);
  file->write(bytes_of(write_rows(rows, {})));
  file->close();
  FileInfo info;
  files_.stat("/x", info);
  const auto splits = split_csv_files(files_, std::span(&info, 1), 100, {});
  ASSERT_EQ(splits.size(), 1u);
  EXPECT_EQ(read(files_, splits[0], {.header = false}), rows);
}

TEST_F(CsvTest, ReadErrorsKeepTheirCause) {
  write_file(files_, "/x", write_rows(sample_rows(500, 1), {}));
  FaultyFileSystem faulty(files_);
  faulty.add_rule({Fault::error, FileOperation::read, "", 3});
  expect_error(Cause::input, {"/x"}, [&] { read(faulty, {"/x", 0, 0, true}, {}, 100); });
  FileInfo info;
  files_.stat("/x", info);
  expect_error(Cause::input, {"/x"}, [&] { split_csv_files(faulty, std::span(&info, 1), 100, {}, 3); });
}

}  // namespace
}  // namespace millrace::storage
