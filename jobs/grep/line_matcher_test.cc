#include "jobs/grep/line_matcher.h"

#include <gtest/gtest.h>
#include <random>
#include <vector>

#include <millrace/error.h>

namespace millrace::jobs {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(const LineMatcher& matcher, std::string_view text) {
  Lines lines;
  matcher.matching_lines(text, [&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

Lines find(const Pattern& pattern, std::string_view text) { return lines_of(*make_line_matcher(pattern), text); }

TEST(LineMatcher, GivesEachMatchingLineOnce) {
  EXPECT_EQ(find({"a"}, "aa a\nb\nba\n"), (Lines{"aa a", "ba"}));
  EXPECT_EQ(find({"a.*b"}, "a b b\nb a\nab"), (Lines{"a b b", "ab"}));
  EXPECT_EQ(find({"x"}, ""), Lines{});
  EXPECT_EQ(find({"x"}, "\n\n"), Lines{});
}

TEST(LineMatcher, FixedTextHasNoSpecialCharacters) {
  EXPECT_EQ(find({"a.b", true}, "a.b\naxb\n"), (Lines{"a.b"}));
  EXPECT_EQ(find({"one\ntwo", true}, "two\nthree\nsomeone\n"), (Lines{"two", "someone"}));
  EXPECT_EQ(find({"", true}, "a\n\nb"), (Lines{"a", "", "b"}));
}

TEST(LineMatcher, FoldsCase) {
  EXPECT_EQ(find({"Ab", false, true}, "xaB\nAC\n"), (Lines{"xaB"}));
  EXPECT_EQ(find({"Ab", true, true}, "xaB\nAC\n"), (Lines{"xaB"}));
}

TEST(LineMatcher, AnchorsAreTheLines) {
  EXPECT_EQ(find({"^a"}, "ba\nab\n"), (Lines{"ab"}));
  EXPECT_EQ(find({"a$"}, "ba\nab\na"), (Lines{"ba", "a"}));
  EXPECT_EQ(find({"^$"}, "a\n\nb\n"), (Lines{""}));
}

TEST(LineMatcher, NothingMatchesAcrossLines) {
  EXPECT_EQ(find({"a[^b]c"}, "a\nc\naxc\n"), (Lines{"axc"}));
  EXPECT_EQ(find({"a\\sc"}, "a\nc\na c\n"), (Lines{"a c"}));
  EXPECT_EQ(find({"(?s)a.c"}, "a\nc\na.c\n"), (Lines{"a.c"}));
  EXPECT_EQ(find({"a\\nc"}, "a\nc\n"), Lines{});
}

TEST(LineMatcher, PatternsOfTheEmptyTextMatchEveryLine) { EXPECT_EQ(find({"x*"}, "a\n\nx"), (Lines{"a", "", "x"})); }

TEST(LineMatcher, BytesThatAreNoTextMatchToo) {
  EXPECT_EQ(find({"a.c"}, std::string_view("a\xff"
                                           "c\na\0c\n",
                                           8)),
            (Lines{"a\xff"
                   "c",
                   std::string("a\0c", 3)}));
}

TEST(LineMatcher, LiteralsAreFoundWhereverTheyLie) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  if (make_literal_matcher({"a", true}) == nullptr) GTEST_SKIP() << "this processor has no wide comparisons";
  for (int round = 0; round < 3000; ++round) {
    Pattern pattern;
    pattern.fixed = true;
    for (std::uint64_t i = 0, n = 1 + random() % (round % 50 == 0 ? 150 : 4); i < n; ++i)
      pattern.text += "abx"[random() % (round % 3 + 1)];
    std::string text;
    for (std::uint64_t i = 0, n = random() % 600; i < n; ++i)
      text += random() % 40 == 0 ? pattern.text : std::string(1, "abbbx\n"[random() % 6]);
    text.shrink_to_fit();  // so that a sanitizer sees what is read behind the end
    EXPECT_EQ(lines_of(*make_literal_matcher(pattern), text), lines_of(*make_re2_matcher(pattern), text))
        << "pattern '" << pattern.text << "' text '" << text << "'";
  }
}

TEST(LineMatcher, OnlyOneTextWhoseCaseMattersIsALiteral) {
  EXPECT_EQ(make_literal_matcher({"a"}), nullptr);
  EXPECT_EQ(make_literal_matcher({"", true}), nullptr);
  EXPECT_EQ(make_literal_matcher({"a\nb", true}), nullptr);
  EXPECT_EQ(make_literal_matcher({"a", true, true}), nullptr);
}

TEST(LineMatcher, RefusesWhatIsNoExpression) {
  EXPECT_THROW(make_line_matcher({"a("}), Error);
  EXPECT_THROW(make_line_matcher({"(a)\\1"}), Error);
}

TEST(LineMatcher, BothEnginesAgreeOnRandomPatterns) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<std::string> atoms = {"a",   "b",      "c",       ".",   "[ab]",        "[^a]", "\\s",
                                          "\\w", "\\b",    "^",       "$",   "(a|bc)",      "a+",   "b?",
                                          "c*",  "a{2,3}", "(?:ab)+", "\\D", "[[:space:]]", " "};
  unsigned compared = 0;
  for (int round = 0; round < 2000; ++round) {
    Pattern pattern;
    pattern.fixed = random() % 8 == 0;
    pattern.fold_case = random() % 4 == 0;
    for (std::uint64_t i = 0, n = 1 + random() % 4; i < n; ++i)
      pattern.text += atoms[random() % (pattern.fixed ? 3 : atoms.size())];
    std::string text;
    for (std::uint64_t i = 0, n = random() % 60; i < n; ++i) text += "aabbcABC \n\n\t"[random() % 12];
    const auto fast = make_hyperscan_matcher(pattern);
    if (fast == nullptr) continue;
    ++compared;
    EXPECT_EQ(lines_of(*fast, text), lines_of(*make_re2_matcher(pattern), text))
        << "pattern '" << pattern.text << "' fixed " << pattern.fixed << " fold_case " << pattern.fold_case << " text '"
        << text << "'";
  }
  if (make_hyperscan_matcher({"a"}) != nullptr) {
    EXPECT_GT(compared, 500u);
  }
}

}  // namespace
}  // namespace millrace::jobs
