#include "jobs/stream/aggregate_reducer.h"

#include <gmock/gmock.h>
#include <utility>
#include <vector>

#include <millrace/error.h>

#include "jobs/stream/java_number.h"

namespace millrace::jobs::stream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs aggregate(AggregateReducer::Role role, const Pairs& input) {
  Pairs output;
  AggregateReducer reducer(role,
                           [&](std::string_view key, std::string_view value) { output.emplace_back(key, value); });
  for (const auto& [key, value] : input) reducer.add(key, value);
  reducer.finish();
  return output;
}

Pairs values(const std::string& type, const std::vector<std::string>& texts) {
  Pairs input;
  for (const std::string& text : texts) input.emplace_back(type + ":k", text);
  return input;
}

std::string result(const std::string& type, const std::vector<std::string>& texts) {
  const Pairs output = aggregate(AggregateReducer::Role::reducer, values(type, texts));
  EXPECT_EQ(output.size(), 1u);
  EXPECT_EQ(output[0].first, "k");
  return output[0].second;
}

TEST(AggregateReducer, EachType) {
  EXPECT_EQ(result("LongValueSum", {"1", "+2", "-10"}), "-7");
  EXPECT_EQ(result("DoubleValueSum", {"1", "0.5"}), "1.5");
  EXPECT_EQ(result("LongValueMax", {"1", "-2", "7"}), "7");
  EXPECT_EQ(result("LongValueMin", {"1", "-2", "7"}), "-2");
  EXPECT_EQ(result("StringValueMax", {"", "pear", "apple"}), "pear");
  EXPECT_EQ(result("StringValueMin", {"pear", "apple"}), "apple");
  EXPECT_EQ(result("UniqValueCount", {"a", "b", "a"}), "2");
  EXPECT_EQ(result("ValueHistogram", {"a", "b", "a", "c\t4"}), "3\t1\t2\t4\t2.3333333333333335\t1.247219128924647");
  EXPECT_EQ(result("longvaluesum", {"1"}), "1");
}

TEST(AggregateReducer, KeysOneAfterTheOther) {
  EXPECT_THAT(aggregate(AggregateReducer::Role::reducer,
                        {{"LongValueSum:a", "1"}, {"LongValueSum:a", "2"}, {"LongValueMax:b:c", "3"}}),
              ElementsAre(Pair("a", "3"), Pair("b:c", "3")));
  EXPECT_TRUE(aggregate(AggregateReducer::Role::reducer, {}).empty());
}

TEST(AggregateReducer, WhatACombinerGivesAReducerTakes) {
  const std::vector<std::string> texts = {"3", "1", "2", "1", "1", "8"};
  for (const char* type : {"LongValueSum", "DoubleValueSum", "LongValueMax", "LongValueMin", "StringValueMax",
                           "StringValueMin", "UniqValueCount", "ValueHistogram"}) {
    Pairs halves;
    for (const auto& half : {std::vector<std::string>(texts.begin(), texts.begin() + 3),
                             std::vector<std::string>(texts.begin() + 3, texts.end())}) {
      for (auto& pair : aggregate(AggregateReducer::Role::combiner, values(type, half))) halves.push_back(pair);
    }
    EXPECT_EQ(aggregate(AggregateReducer::Role::reducer, halves),
              aggregate(AggregateReducer::Role::reducer, values(type, texts)))
        << type;
  }
}

TEST(AggregateReducer, QuotesWhatItCannotUse) {
  const auto error = [](const std::string& key, const std::string& value) {
    try {
      aggregate(AggregateReducer::Role::reducer, {{key, value}});
    } catch (const Error& e) {
      EXPECT_EQ(e.cause(), Cause::bad_data);
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(error("word", "1"), HasSubstr("'word'"));
  EXPECT_THAT(error("Sum:word", "1"), HasSubstr("'Sum:word'"));
  EXPECT_THAT(error("LongValueSum:word", "1.5"), HasSubstr("'1.5'"));
  EXPECT_THAT(error("LongValueSum:word", ""), HasSubstr("''"));
}

TEST(JavaNumber, AsJavaPrintsIt) {
  EXPECT_EQ(java_text(6.0), "6.0");
  EXPECT_EQ(java_text(0.001), "0.001");
  EXPECT_EQ(java_text(0.0001), "1.0E-4");
  EXPECT_EQ(java_text(12500000.0), "1.25E7");
  EXPECT_EQ(java_text(1e7), "1.0E7");
  EXPECT_EQ(java_text(-0.5), "-0.5");
  EXPECT_EQ(java_text(9999999.0), "9999999.0");
}

}  // namespace
}  // namespace millrace::jobs::stream
