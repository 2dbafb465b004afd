#include "jobs/index/occurrences.h"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>

#include "jobs/index/document_id.h"

namespace millrace::jobs {
namespace {

using Positions = std::map<std::string, std::vector<std::uint32_t>>;

Positions positions_of(const Occurrences& document) {
  Positions all;
  for (const auto& word : document.words())
    for (auto at = word.first; at != Occurrences::none; at = document.next(at))
      all[std::string(word.text)].push_back(at);
  return all;
}

TEST(Occurrences, AgreesWithAMapForDocumentAfterDocument) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Occurrences document;
  for (const std::size_t length : {0u, 1u, 5000u, 10u, 200000u, 3u}) {
    std::vector<std::string> words(length);
    for (std::string& word : words) word = std::to_string(random() % (length / 2 + 1));
    Positions expected;
    document.clear();
    for (std::uint32_t i = 0; i < length; ++i) {
      document.add(words[i]);
      expected[words[i]].push_back(i + 1);
    }
    EXPECT_EQ(positions_of(document), expected);
  }
}

TEST(DocumentId, NumbersGoByValueAndBeforeNames) {
  EXPECT_TRUE(comes_before("2", "10"));
  EXPECT_FALSE(comes_before("10", "2"));
  EXPECT_TRUE(comes_before("007", "10"));
  EXPECT_TRUE(comes_before("07", "7"));
  EXPECT_TRUE(comes_before("10", "9a"));
  EXPECT_TRUE(comes_before("a", "b"));
  EXPECT_FALSE(comes_before("b", "a"));
  EXPECT_TRUE(comes_before("2:9", "10:1"));
  EXPECT_FALSE(comes_before("2:9", "2:1"));
  EXPECT_TRUE(comes_before("0", "1"));
}

}  // namespace
}  // namespace millrace::jobs
