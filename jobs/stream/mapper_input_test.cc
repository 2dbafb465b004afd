#include "jobs/stream/mapper_input.h"

#include <gmock/gmock.h>
#include <utility>
#include <vector>

namespace millrace::jobs::stream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

StreamSpec spec_for(InputFormat format, bool pass_key) {
  StreamSpec spec;
  spec.input_format = format;
  spec.pass_input_key = pass_key;
  spec.input_key_separator = ",";
  spec.map_input_separator = "\t";
  return spec;
}

std::string formatted(const StreamSpec& spec, std::string_view text, std::uint64_t expected_records) {
  std::string lines;
  EXPECT_EQ(format_lines(text, 100, spec, lines), expected_records);
  return lines;
}

TEST(FormatLines, KeysAreBytesOfTheFile) {
  EXPECT_EQ(formatted(spec_for(InputFormat::n_line, true), "ab\n\nc", 3), "100\tab\n103\t\n104\tc\n");
  EXPECT_EQ(formatted(spec_for(InputFormat::text, false), "ab\nc", 2), "ab\nc\n");
}

TEST(FormatLines, KeysAndValuesOfTheInput) {
  EXPECT_EQ(formatted(spec_for(InputFormat::key_value, true), "a,1,2\nb\n", 2), "a\t1,2\nb\t\n");
  EXPECT_EQ(formatted(spec_for(InputFormat::key_value, false), "a,1,2\nb\n", 2), "1,2\n\n");
}

std::vector<std::pair<std::string, std::uint64_t>> records(const StreamSpec& spec, std::string_view text) {
  std::vector<std::pair<std::string, std::uint64_t>> found;
  for_each_xml_record(text, spec,
                      [&](std::string_view record, std::uint64_t offset) { found.emplace_back(record, offset); });
  return found;
}

TEST(XmlRecords, BetweenTheMarks) {
  StreamSpec spec;
  spec.xml_begin = "<p>";
  spec.xml_end = "</p>";
  EXPECT_THAT(records(spec, "x<p>1</p>y<p>2\n</p><p>open"), ElementsAre(Pair("<p>1</p>", 1u), Pair("<p>2\n</p>", 10u)));
  EXPECT_THAT(records(spec, ""), IsEmpty());
  EXPECT_THAT(records(spec, "</p><p>"), IsEmpty());
}

TEST(XmlRecords, SlowMatchPassesOverCharacterData) {
  StreamSpec spec;
  spec.xml_begin = "<p>";
  spec.xml_end = "</p>";
  spec.xml_slow_match = true;
  spec.xml_longest = 1000;
  EXPECT_THAT(records(spec, "<![CDATA[<p>]]><p><![CDATA[</p>]]>1</p>"),
              ElementsAre(Pair("<p><![CDATA[</p>]]>1</p>", 15u)));
  spec.xml_longest = 5;
  EXPECT_THAT(records(spec, "<p>12345</p>"), ElementsAre(Pair("<p>12", 0u)));
}

}  // namespace
}  // namespace millrace::jobs::stream
