#include "jobs/index/postings.h"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

#include "jobs/index/document_id.h"

namespace millrace::jobs {
namespace {

/// Ids of many kinds, for numbers below a hundred.
std::string id_of(std::uint64_t number, std::uint64_t kind) {
  const std::string digits = std::to_string(number);
  const std::string padded = std::string(3 - digits.size(), '0') + digits;
  switch (kind) {
    case 0:
      return digits;
    case 1:
      return padded;
    case 2:
      return "doc" + digits;
    case 3:
      return "doc" + padded;
    case 4:
      return "7000000000" + padded;
    case 5:
      return "0" + std::to_string(999'999'950 + number);
    case 6:
      return digits + "x";
    default:
      return std::string(46 + number / 25, 'y') + digits;
  }
}

struct Before {
  bool operator()(const std::string& a, const std::string& b) const { return comes_before(a, b); }
};

TEST(DocumentMarks, OfASeriesDifferByWhatTheNumbersDo) {
  const auto difference = [](std::string_view a, std::string_view b) {
    DocumentMarks marks;
    const std::uint64_t first = marks.of(a);
    const std::uint64_t second = marks.of(b);
    constexpr unsigned bits = DocumentMarks::value_bits;
    return first >> bits != second >> bits ? -1000 : static_cast<std::int64_t>(second - first);
  };
  EXPECT_EQ(difference("7", "7"), 0);
  EXPECT_EQ(difference("7", "12"), 5);
  EXPECT_EQ(difference("007", "012"), 5);
  EXPECT_EQ(difference("doc12", "doc9"), -3);
  EXPECT_EQ(difference("doc099", "doc100"), 1);
  EXPECT_EQ(difference("99999999999", "99999999998"), -1);
  EXPECT_EQ(difference("a", "a"), 0);
  EXPECT_EQ(difference("", ""), 0);
  constexpr std::int64_t other_series = -1000;
  EXPECT_EQ(difference("7", "07"), other_series);
  EXPECT_EQ(difference("07", "7"), other_series);
  EXPECT_EQ(difference("doc099", "doc0100"), other_series);
  EXPECT_EQ(difference("999999999", "1000000000"), other_series);
  EXPECT_EQ(difference("a", "a0"), other_series);
  EXPECT_EQ(difference("a0", "a"), other_series);
  EXPECT_EQ(difference("", "0"), other_series);
  const std::string longest(48, 'l');
  EXPECT_EQ(difference(longest + "1", longest + "2"), other_series);
}

TEST(DocumentId, NumbersGoByValueAndBeforeNames) {
  EXPECT_TRUE(comes_before("2", "10"));
  EXPECT_FALSE(comes_before("10", "2"));
  EXPECT_TRUE(comes_before("007", "10"));
  EXPECT_TRUE(comes_before("07", "7"));
  EXPECT_TRUE(comes_before("10", "9a"));
  EXPECT_TRUE(comes_before("9", ""));
  EXPECT_TRUE(comes_before("", "a"));
  EXPECT_TRUE(comes_before("a10", "a2"));
  EXPECT_FALSE(comes_before("b", "a"));
  EXPECT_FALSE(comes_before("b", "b"));
  EXPECT_TRUE(comes_before("0", "1"));
  EXPECT_TRUE(comes_before("2", "10000000000000000000000000"));
}

TEST(Postings, OneDocumentIsListedOnce) {
  Postings postings;
  DocumentMarks marks;
  for (const std::string_view id : {"a", "a", "ab", "ab", "a", "b"}) postings.add(id, marks.of(id), 0);
  EXPECT_EQ(postings.list(), "a,ab,b");
  EXPECT_EQ(Postings().list(), "");
}

TEST(Postings, PositionsOfLinesWithOneIdAreSorted) {
  Postings postings;
  DocumentMarks marks;
  for (const std::uint64_t position : {8, 9}) postings.add("2", marks.of("2"), position);
  for (const std::uint64_t position : {6, 9}) postings.add("2", marks.of("2"), position);
  postings.add("30", marks.of("30"), 1);
  EXPECT_EQ(postings.list(), "2:6:8:9,30:1");
}

TEST(Postings, IdsMayHoldCommasAndColonsAndMayBeEmpty) {
  Postings postings;
  DocumentMarks marks;
  postings.add("x:1,y", marks.of("x:1,y"), 3);
  postings.add("", marks.of(""), 7);
  postings.add("x:1,y", marks.of("x:1,y"), 4);
  EXPECT_EQ(postings.list(), ":7,x:1,y:3:4");
}

TEST(Postings, AgreesWithAMapHoweverItIsPutTogether) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::map<std::string, std::set<std::uint64_t>, Before> expected;
    Postings all;
    const bool positions = random() % 2 == 0;
    const bool one_kind = random() % 2 == 0;
    const bool rising = random() % 2 == 0;
    std::uint64_t kind = random() % 8;
    std::uint64_t number = 0;
    for (std::uint64_t part = random() % 4; part != 0; --part) {
      Postings some;
      DocumentMarks marks;
      for (std::uint64_t left = random() % 20; left != 0; --left) {
        if (!one_kind) kind = random() % 8;
        number = rising ? number + random() % 3 : random() % 100;
        const std::string id = id_of(number % 100, kind);
        const std::uint64_t mark = marks.of(id);
        auto& of = expected[id];
        std::uint64_t position = 0;
        for (std::uint64_t i = 1 + random() % 3; i != 0; --i) {
          if (positions) of.insert(position += 1 + random() % 9);
          some.add(id, mark, position);
        }
      }
      all.append(some);
    }
    std::string list;
    for (const auto& [id, of] : expected) {
      list += (list.empty() ? "" : ",") + id;
      for (const std::uint64_t position : of) list += ":" + std::to_string(position);
    }
    EXPECT_EQ(all.list(), list);
  }
}

}  // namespace
}  // namespace millrace::jobs
