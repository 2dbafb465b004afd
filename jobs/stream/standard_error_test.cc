#include "jobs/stream/standard_error.h"

#include <gtest/gtest.h>

namespace millrace::jobs::stream {
namespace {

class StandardErrorTest : public testing::Test {
 protected:
  StandardError reader_{"reporter:", [this](std::string_view line) { log_ += line; }};
  std::string log_;
};

TEST_F(StandardErrorTest, CountsWhateverTheBytesAreCutInto) {
  const std::string text =
      "reporter:counter:words,long ones,2\nhello\nreporter:counter:words,long ones,-5\nreporter:status:half way\nend";
  for (std::size_t cut = 1; cut <= text.size(); ++cut) {
    StandardError reader("reporter:", [](std::string_view) {});
    for (std::size_t at = 0; at < text.size(); at += cut) reader.add(std::string_view(text).substr(at, cut));
    reader.finish();
    EXPECT_EQ(reader.counters(), (Counters{{{"words", "long ones"}, -3}})) << cut;
    EXPECT_EQ(reader.status(), "half way");
    EXPECT_EQ(reader.last_lines(), "hello\nend");
  }
}

TEST_F(StandardErrorTest, WhatIsNoReportGoesToTheLog) {
  const std::string text =
      "reporter:counter:a,b\nreporter:counter:a,b,c,1\nreporter:counter:a,b,x\nreporter:counter:a,b,1.5\n"
      "reporter:other\n reporter:counter:a,b,1\nReporter:counter:a,b,1\n";
  reader_.add(text);
  reader_.finish();
  EXPECT_EQ(log_, text);
  EXPECT_TRUE(reader_.counters().empty());
}

TEST_F(StandardErrorTest, BlanksAroundAReport) {
  reader_.add("reporter:counter: g,c,+7 \r\n");
  EXPECT_EQ(reader_.counters(), (Counters{{{"g", "c"}, 7}}));
}

TEST(StandardError, AnotherPrefix) {
  std::string log;
  StandardError reader("my:", [&](std::string_view line) { log += line; });
  reader.add("my:counter:g,c,1\nreporter:counter:g,c,1\n");
  EXPECT_EQ(reader.counters(), (Counters{{{"g", "c"}, 1}}));
  EXPECT_EQ(log, "reporter:counter:g,c,1\n");
}

TEST_F(StandardErrorTest, KeepsTheLastLines) {
  for (int i = 0; i < 100; ++i) reader_.add("line " + std::to_string(i) + "\n");
  EXPECT_TRUE(reader_.last_lines().starts_with("line 90\n"));
  EXPECT_TRUE(reader_.last_lines().ends_with("line 99"));
  reader_.add(std::string(1000000, 'x'));
  reader_.finish();
  EXPECT_LE(reader_.last_lines().size(), 2048u);
  EXPECT_FALSE(reader_.last_lines().empty());
}

}  // namespace
}  // namespace millrace::jobs::stream
