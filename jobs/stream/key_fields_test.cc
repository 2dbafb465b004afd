#include "jobs/stream/key_fields.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>

namespace millrace::jobs::stream {
namespace {

TEST(SplitLine, AtTheFirstTab) {
  const KeyValue parts = split_line("a b\tc\td", {});
  EXPECT_EQ(parts.key, "a b");
  EXPECT_EQ(parts.value, "c\td");
  EXPECT_FALSE(parts.bare);
  EXPECT_FALSE(split_line("a\t", {}).bare);
  EXPECT_EQ(split_line("\tx", {}).key, "");
}

TEST(SplitLine, WithoutSeparatorTheLineIsTheKey) {
  const KeyValue parts = split_line("a b", {});
  EXPECT_EQ(parts.key, "a b");
  EXPECT_EQ(parts.value, "");
  EXPECT_TRUE(parts.bare);
}

TEST(SplitLine, AtALaterSeparator) {
  const KeyLayout layout{".", 4};
  EXPECT_EQ(split_line("11.12.1.2.rest.more", layout).key, "11.12.1.2");
  EXPECT_EQ(split_line("11.12.1.2.rest.more", layout).value, "rest.more");
  EXPECT_TRUE(split_line("11.12.1.2", layout).bare);
  EXPECT_EQ(split_line("a::b::c", {"::", 2}).key, "a::b");
  EXPECT_TRUE(split_line("a\tb", {"\t", 0}).bare);
}

TEST(KeyPartition, EqualFieldsOnePartition) {
  const KeyPartition partition(12, {parse_sort_key("1,2")}, '.');
  std::set<std::uint32_t> used;
  for (int i = 0; i < 200; ++i) {
    const std::uint32_t expected = partition(fmt::format("{}.{}.1.1", i, i * 7));
    EXPECT_LT(expected, 12u);
    EXPECT_EQ(partition(fmt::format("{}.{}.x.{}", i, i * 7, i)), expected);
    used.insert(expected);
  }
  EXPECT_EQ(used.size(), 12u);
}

TEST(KeyPartition, OnePartitionTakesAll) { EXPECT_EQ(KeyPartition(1, {}, '\t')("anything"), 0u); }

TEST(KeyPartition, WholeKeysSpread) {
  const KeyPartition partition(7, {}, '\t');
  std::set<std::uint32_t> used;
  for (int i = 0; i < 200; ++i) used.insert(partition(fmt::format("key {}", i)));
  EXPECT_EQ(used.size(), 7u);
}

}  // namespace
}  // namespace millrace::jobs::stream
