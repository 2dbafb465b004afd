#include "jobs/index/postings.h"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

#include "jobs/index/document_id.h"

namespace millrace::jobs {
namespace {

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
  const std::pair<const char*, int> documents[] = {{"a", 1}, {"a", 1}, {"ab", 2}, {"ab", 2}, {"a", 3}, {"b", 4}};
  for (const auto& [id, number] : documents) postings.add(id, static_cast<std::uint64_t>(number), 0);
  EXPECT_EQ(postings.list(), "a,ab,b");
  EXPECT_EQ(Postings().list(), "");
}

TEST(Postings, PositionsOfLinesWithOneIdAreSorted) {
  Postings postings;
  for (const std::uint64_t position : {8, 9}) postings.add("2", 1, position);
  for (const std::uint64_t position : {6, 9}) postings.add("2", 2, position);
  postings.add("30", 3, 1);
  EXPECT_EQ(postings.list(), "2:6:8:9,30:1");
}

TEST(Postings, IdsMayHoldCommasAndColonsAndMayBeEmpty) {
  Postings postings;
  postings.add("x:1,y", 1, 3);
  postings.add("", 2, 7);
  postings.add("x:1,y", 3, 4);
  EXPECT_EQ(postings.list(), ":7,x:1,y:3:4");
}

TEST(Postings, AgreesWithAMapHoweverItIsPutTogether) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::map<std::uint64_t, std::set<std::uint64_t>> expected;
    Postings all;
    const bool positions = random() % 2 == 0;
    for (std::uint64_t part = random() % 4; part != 0; --part) {
      Postings some;
      for (std::uint64_t number = random() % 20; number != 0; --number) {
        const std::uint64_t id = random() % 30;
        auto& of = expected[id];
        std::uint64_t position = 0;
        for (std::uint64_t i = 1 + random() % 3; i != 0; --i) {
          if (positions) of.insert(position += 1 + random() % 9);
          some.add(std::to_string(id), number, position);
        }
      }
      all.append(some);
    }
    std::string list;
    for (const auto& [id, of] : expected) {
      list += (list.empty() ? "" : ",") + std::to_string(id);
      for (const std::uint64_t position : of) list += ":" + std::to_string(position);
    }
    EXPECT_EQ(all.list(), list);
  }
}

}  // namespace
}  // namespace millrace::jobs
