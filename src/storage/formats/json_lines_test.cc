#include "storage/formats/json_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <type_traits>

#include "storage/compression.h"
#include "storage/faulty_file_system.h"
#include "storage/memory_file_system.h"
#include "storage/testing.h"

namespace millrace::storage {
namespace {

using ::testing::ElementsAre;
using testing::expect_error;
using testing::write_file;

// A task could not use one that was copied as bytes.
static_assert(!std::is_trivially_copyable_v<JsonValue>);

std::string padded(const std::string& text) { return text + std::string(PaddedBuffer::padding, '\0'); }

class JsonValueTest : public ::testing::Test {
 protected:
  JsonValue parse(const std::string& text) {
    text_ = padded(text);
    return parser_.parse(std::string_view(text_).substr(0, text.size()));
  }

  JsonParser parser_;
  std::string text_;
};

TEST_F(JsonValueTest, Scalars) {
  EXPECT_TRUE(parse("true").as_bool());
  EXPECT_FALSE(parse(" false ").as_bool());
  EXPECT_TRUE(parse("null").is_null());
  EXPECT_EQ(parse("-12").as_int64(), -12);
  EXPECT_EQ(parse("12").as_uint64(), 12u);
  EXPECT_EQ(parse("18446744073709551615").as_uint64(), 18446744073709551615u);
  EXPECT_EQ(parse("18446744073709551615").kind(), JsonValue::Kind::unsigned_integer);
  EXPECT_EQ(parse("12").as_double(), 12.0);
  EXPECT_EQ(parse("-1.5e3").as_double(), -1500.0);
  EXPECT_EQ(parse(R"("a\u00e9\n\"")").as_text(), "a\xc3\xa9\n\"");
}

TEST_F(JsonValueTest, ObjectsAndArrays) {
  const JsonValue value = parse(R"({"user": {"name": "ann", "age": 3}, "tags": ["x", [1, 2]], "none": null})");
  EXPECT_EQ(value["user"]["name"].as_text(), "ann");
  EXPECT_EQ(value["tags"][std::size_t{1}][std::size_t{0}].as_int64(), 1);
  EXPECT_EQ(value["tags"].size(), 2u);
  EXPECT_EQ(value.size(), 3u);
  EXPECT_EQ(value.members()[1].first, "tags");
  EXPECT_EQ(value["tags"].elements()[0].as_text(), "x");
  EXPECT_TRUE(value["none"].is_null());
  EXPECT_FALSE(value["none"].is_missing());
  EXPECT_TRUE(value["no"]["such"][std::size_t{7}]["thing"].is_missing());
  EXPECT_TRUE(value["tags"][std::size_t{2}].is_missing());
  EXPECT_TRUE(value["user"]["name"].elements().empty());
  EXPECT_EQ(value.to_json(), R"({"user":{"name":"ann","age":3},"tags":["x",[1,2]],"none":null})");
  EXPECT_EQ(value["user"].to_json(), R"({"name":"ann","age":3})");
}

TEST_F(JsonValueTest, AskingForAnotherKindSaysWhatThereIs) {
  const JsonValue value = parse(R"({"a": "text", "b": -1, "c": 1.5})");
  expect_error(Cause::bad_data, {"a whole number", "text: \"text\""}, [&] { value["a"].as_int64(); });
  expect_error(Cause::bad_data, {"not negative", "-1"}, [&] { value["b"].as_uint64(); });
  expect_error(Cause::bad_data, {"a whole number", "real: 1.5"}, [&] { value["c"].as_int64(); });
  expect_error(Cause::bad_data, {"a text", "missing"}, [&] { value["d"].as_text(); });
  expect_error(Cause::bad_data, {"a number", "object"}, [&] { value.as_double(); });
  expect_error(Cause::bad_data, {"a number", "missing"}, [&] { value["d"].as_double(); });
  expect_error(Cause::bad_data, {"a boolean"}, [&] { value.as_bool(); });
}

TEST_F(JsonValueTest, WhatIsNoJsonIsBadData) {
  for (const char* text :
       {"", "{", "[1,]", "{\"a\" 1}", "nul", "1 2", "\"\xff\"", "'a'", "99999999999999999999", "[1] x"}) {
    SCOPED_TRACE(text);
    expect_error(Cause::bad_data, {"not a JSON text"}, [&] { parse(text); });
  }
  EXPECT_EQ(parse("[1]")[std::size_t{0}].as_int64(), 1) << "a parser works on after an error";
}

std::vector<std::string> read(const FileSystem& files, const FileSplit& split, std::size_t chunk) {
  JsonLinesReader reader(files, split, {chunk, {}});
  JsonValue value;
  std::uint64_t offset = 0;
  std::vector<std::string> all;
  while (reader.next(value, offset)) all.push_back(std::to_string(offset) + " " + value.to_json());
  return all;
}

TEST(JsonLines, EverySplitGivesItsLines) {
  MemoryFileSystem files;
  const std::string text = "{\"a\":1}\r\n\n  \n[2, 3]\n\"four\"\n5";
  write_file(files, "/x", text);
  const auto whole = read(files, {"/x", 0, text.size(), true}, 1 << 18);
  EXPECT_THAT(whole, ElementsAre("0 {\"a\":1}", "13 [2,3]", "20 \"four\"", "27 5"));
  for (const std::size_t chunk : {1u, 7u, 100u}) {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      auto seen = read(files, {"/x", 0, cut, false}, chunk);
      for (auto& line : read(files, {"/x", cut, text.size(), false}, chunk)) seen.push_back(line);
      EXPECT_EQ(seen, whole);
    }
  }
}

TEST(JsonLines, ABrokenLineNamesItsByteAndTheNextLineGoesOn) {
  MemoryFileSystem files;
  write_file(files, "/x", "1\n{\"a\":\n3\n");
  JsonLinesReader reader(files, {"/x", 0, 0, true});
  JsonValue value;
  std::uint64_t offset = 0;
  ASSERT_TRUE(reader.next(value, offset));
  expect_error(Cause::bad_data, {"/x", "byte 2", "not a JSON text"}, [&] { reader.next(value, offset); });
  ASSERT_TRUE(reader.next(value, offset));
  EXPECT_EQ(value.as_int64(), 3);
  EXPECT_FALSE(reader.next(value, offset));
}

TEST(JsonLines, ReadsCompressedFilesAndLongLines) {
  MemoryFileSystem files;
  const std::string line = "[\"" + std::string(2 << 20, 'x') + "\"]";
  const auto file = compress(files.create("/x"), Compression::gzip);
  file->write(testing::bytes_of(line + "\n" + line));
  file->close();
  EXPECT_EQ(read(files, {"/x", 0, 0, true}, 1000).size(), 2u);
}

TEST(JsonLines, ReadErrorsKeepTheirCause) {
  MemoryFileSystem memory;
  write_file(memory, "/x", "1\n2\n");
  FaultyFileSystem files(memory);
  files.add_rule({Fault::error, FileOperation::read, "", 2});
  expect_error(Cause::input, {"/x"}, [&] { read(files, {"/x", 0, 0, true}, 1); });
}

}  // namespace
}  // namespace millrace::storage
