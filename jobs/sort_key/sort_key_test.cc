#include "jobs/sort_key/sort_key.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <unistd.h>

#include <millrace/error.h>

namespace millrace::jobs {
namespace {

TEST(SortKey, ReadsFieldsCharactersAndOptions) {
  const SortKey whole = parse_sort_key("2");
  EXPECT_EQ(whole.start_field, 1u);
  EXPECT_EQ(whole.end_field, SortKey::to_line_end);
  EXPECT_TRUE(whole.inherits);

  const SortKey key = parse_sort_key("1.2,3.4nr");
  EXPECT_EQ(key.start_field, 0u);
  EXPECT_EQ(key.start_char, 1u);
  EXPECT_EQ(key.end_field, 2u);
  EXPECT_EQ(key.end_char, 4u);
  EXPECT_EQ(key.ordering.kind, KeyOrdering::Kind::numeric);
  EXPECT_TRUE(key.ordering.reverse);
  EXPECT_FALSE(key.inherits);
}

TEST(SortKey, BlanksBelongToTheirPosition) {
  const SortKey key = parse_sort_key("2b,3");
  EXPECT_TRUE(key.ordering.skip_start_blanks);
  EXPECT_FALSE(key.ordering.skip_end_blanks);
}

TEST(SortKey, RefusesWhatIsNoKey) {
  for (const char* text : {"", "0", "x", "1.", "1.0", "1,", "1,0", "1,2,3", "1V", "1,2.", "-1", "1 2"}) {
    try {
      parse_sort_key(text);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.cause(), Cause::usage);
      EXPECT_NE(std::string(error.what()).find(fmt::format("'{}'", text)), std::string::npos) << error.what();
    }
  }
}

TEST(SortKey, ReadsComparatorOptions) {
  KeyOrdering global;
  const auto keys = parse_sort_keys("-k1,2 -k 3nr -n", global);
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].end_field, 1u);
  EXPECT_EQ(keys[1].start_field, 2u);
  EXPECT_EQ(global.kind, KeyOrdering::Kind::numeric);
  EXPECT_THROW(parse_sort_keys("k1", global), Error);
  EXPECT_THROW(parse_sort_keys("-q", global), Error);
  EXPECT_THROW(parse_sort_keys("-k", global), Error);
}

TEST(LineOrder, ExtractsFieldsBySeparator) {
  const LineOrder order({parse_sort_key("2,3"), parse_sort_key("1.2,1.3"), parse_sort_key("9")}, {}, '.');
  EXPECT_EQ(order.extract("abcd.b.c.d", 0), "b.c");
  EXPECT_EQ(order.extract("abcd.b.c.d", 1), "bc");
  EXPECT_EQ(order.extract("abcd.b.c.d", 2), "");
}

TEST(LineOrder, NumbersOfAnyLength) {
  KeyOrdering numeric;
  numeric.kind = KeyOrdering::Kind::numeric;
  EXPECT_LT(compare_keys("123456789012345678901234567890", "123456789012345678901234567891", numeric), 0);
  EXPECT_EQ(compare_keys("007.50", " 7.5", numeric), 0);
  EXPECT_EQ(compare_keys("-0", "x", numeric), 0);
  EXPECT_LT(compare_keys("-10", "-9", numeric), 0);
}

TEST(LineOrder, GeneralPutsNoNumberBeforeNanBeforeNumbers) {
  KeyOrdering general;
  general.kind = KeyOrdering::Kind::general;
  EXPECT_LT(compare_keys("word", "nan", general), 0);
  EXPECT_LT(compare_keys("nan", "-inf", general), 0);
  EXPECT_LT(compare_keys("9e2", "1e3", general), 0);
}

TEST(KeyPrefix, TellsMostKeysApart) {
  KeyOrdering ordering;
  EXPECT_LT(key_prefix("abc", ordering), key_prefix("abd", ordering));
  EXPECT_LT(key_prefix("\x7f", ordering), key_prefix("\x80", ordering));
  ordering.reverse = true;
  EXPECT_GT(key_prefix("abc", ordering), key_prefix("abd", ordering));
  ordering = {};
  ordering.kind = KeyOrdering::Kind::numeric;
  const std::vector<std::string> numbers = {"-100", "-99.5", "-1", "-.5", "0",    ".25",
                                            ".5",   "1",     "9",  "10",  "10.1", "123456789012345"};
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    EXPECT_LT(key_prefix(numbers[i - 1], ordering), key_prefix(numbers[i], ordering)) << numbers[i];
  }
  EXPECT_EQ(key_prefix(std::string(5000, '9'), ordering), key_prefix(std::string(6000, '9'), ordering));
  ordering.kind = KeyOrdering::Kind::general;
  EXPECT_LT(key_prefix("-1e3", ordering), key_prefix("1e-3", ordering));
}

/// The order must be the one that sort(1) has, for random lines and every kind of key.
class AgainstSort : public testing::TestWithParam<const char*> {};

TEST_P(AgainstSort, SameOrder) {
  if (std::system("sort --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no sort(1)";
  const std::string options = GetParam();
  std::optional<char> separator;
  std::string words = options;
  if (const std::size_t t = words.find("-t"); t != std::string::npos) {
    separator = words[t + 2];
    words.erase(t, 3);
  }
  bool stable = false;
  if (const std::size_t s = words.find("-s"); s != std::string::npos) {
    stable = true;
    words.erase(s, 2);
  }
  KeyOrdering global;
  const std::vector<SortKey> keys = parse_sort_keys(words, global);
  const LineOrder order(keys, global, separator, !stable);

  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  const std::string alphabet = "aAbB019.-:: \t,KMG_jJfe";
  std::vector<std::string> lines(2000);
  for (std::string& line : lines) {
    const std::size_t length = random() % 14;
    for (std::size_t i = 0; i < length; ++i) line += alphabet[random() % alphabet.size()];
    if (random() % 8 == 0)
      line = std::vector<std::string>{"Feb", " mar x", "1e3", "-1K:2", "inf", "3M"}[random() % 6] + line;
  }
  const auto directory = std::filesystem::temp_directory_path() / fmt::format("sort_key_test.{}.{}", getpid(), seed);
  std::filesystem::create_directories(directory);
  {
    std::ofstream file(directory / "in");
    for (const std::string& line : lines) file << line << '\n';
  }
  const std::string command =
      fmt::format("LC_ALL=C sort {} {}/in > {}/out", options, directory.string(), directory.string());
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  std::vector<std::string> expected;
  {
    std::ifstream file(directory / "out");
    for (std::string line; std::getline(file, line);) expected.push_back(line);
  }
  std::filesystem::remove_all(directory);

  std::stable_sort(lines.begin(), lines.end(), order);
  ASSERT_EQ(lines.size(), expected.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    ASSERT_EQ(lines[i], expected[i]) << "line " << i << " options " << options << " seed " << seed;
    if (i == 0) continue;
    ASSERT_LE(order.prefix(lines[i - 1]), order.prefix(lines[i])) << lines[i - 1] << " before " << lines[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Notation, AgainstSort,
                         testing::Values("", "-r", "-n", "-nr", "-g", "-h", "-M", "-f", "-d", "-i", "-df", "-b", "-k2",
                                         "-k2,2", "-k2,2n", "-t: -k2,2", "-t: -k2,2nr", "-t: -k2.2,3.1",
                                         "-t: -k1,1 -k2,2nr -k3", "-t: -k3,3n -r", "-k2b,2", "-k2.2b,2.3b", "-k1.2,1.4",
                                         "-s -t: -k1,1", "-s -k2,2n", "-t. -k1,1n -k2,2n", "-k2,2f -k1,1r", "-bn -k2,2",
                                         "-t: -k2,1", "-k1,2 -k3nr", "-t: -k2,2h", "-t: -k2,2M", "-t: -k2,2g",
                                         "-b -k2,2.2", "-t, -k2.3"),
                         [](const auto& parameter) { return fmt::format("case{}", parameter.index); });

}  // namespace
}  // namespace millrace::jobs
