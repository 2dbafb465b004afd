#include <gtest/gtest.h>

#include "tests/sources/sources_case.h"

namespace millrace {
namespace {

using namespace testing;

class JsonLines : public SourcesCase {};

std::pair<std::string, std::int64_t> user_and_n(const JsonValue& value) {
  return {std::string(value["user"]["name"].as_text()), value["n"].as_int64()};
}

TEST_F(JsonLines, ValuesAreTheSameForEverySplit) {
  std::string text;
  std::vector<std::pair<std::string, std::int64_t>> expected;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "user\n" + std::string(static_cast<std::size_t>(i % 90), 'x');
    text += "{\"n\": " + std::to_string(i) + ", \"user\": {\"name\": \"user\\n" + name.substr(5) + "\"}}" +
            (i % 3 == 0 ? "\r\n" : "\n") + (i % 7 == 0 ? "  \n" : "");
    expected.emplace_back(name, i);
  }
  text.pop_back();
  const std::string path = workspace.write("a.jsonl", text);
  for (const std::uint64_t split : {3, 64, 1000, 1000000}) {
    for (const unsigned threads : {0u, 1u, 2u, 7u}) {
      EXPECT_EQ(context(split, threads).read_json_lines(path).map(user_and_n).collect(), expected) << split;
    }
  }
}

TEST_F(JsonLines, ABadLineNamesFileAndByteOrIsSkipped) {
  const std::string path =
      workspace.write("a.jsonl", "{\"n\": 1}\n{\"n\": \n{\"n\": 3}\n{\"n\": \"four\"}\n{\"n\": 5}\n");
  const auto numbers = [&](std::uint64_t split, std::uint64_t skips) {
    return context(split, 0, skips)
        .read_json_lines(path)
        .map([](const JsonValue& value) { return value["n"].as_int64(); })
        .collect();
  };
  for (const std::uint64_t split : {3, 1000}) {
    expect_error(Cause::bad_data, {path, "line at byte 9", "JSON"}, [&] { numbers(split, 0); });
    EXPECT_EQ(numbers(split, 2), (std::vector<std::int64_t>{1, 3, 5})) << split;
    expect_error(Cause::bad_data, {path, "byte"}, [&] { numbers(split, 1); });
  }
}

TEST_F(JsonLines, AValueOfAnotherKindNamesFileAndByte) {
  const std::string path = workspace.write("a.jsonl", "{\"n\": 1}\n{\"n\": \"two\"}\n");
  const auto numbers =
      context().read_json_lines(path).map([](const JsonValue& value) { return value["n"].as_int64(); });
  expect_error(Cause::bad_data, {path, "byte 9", "text"}, [&] { numbers.collect(); });
}

TEST_F(JsonLines, ABadValueIsSkippedAlsoAfterPartOfItWasDelivered) {
  const std::string path = workspace.write("a.jsonl", "[1,2]\n[3,\"x\"]\n[5,6]\n");
  const auto numbers =
      context(0, 2, 1).read_json_lines(path).flat_map<std::int64_t>([](const JsonValue& list, auto& emit) {
        for (const JsonValue& value : list.elements()) emit(value.as_int64());
      });
  EXPECT_EQ(numbers.collect(), (std::vector<std::int64_t>{1, 2, 5, 6}));
}

TEST_F(JsonLines, CanBeFilteredAndCountedAsValues) {
  const std::string path = workspace.write("a.jsonl", "{\"n\": 1}\n{}\n{\"n\": null}\n");
  const auto values = context().read_json_lines(path);
  EXPECT_EQ(values.count(), 3u);
  EXPECT_EQ(values.filter([](const JsonValue& value) { return value["n"].is_missing(); }).count(), 1u);
  EXPECT_EQ(values.map([](const JsonValue& value) { return value.to_json(); }).collect(),
            (std::vector<std::string>{"{\"n\":1}", "{}", "{\"n\":null}"}));
}

}  // namespace
}  // namespace millrace
