#include <gtest/gtest.h>
#include <string>
#include <sys/mman.h>

#include <millrace/internal/hash.h>
#include <millrace/internal/key_bytes.h>
#include <millrace/internal/order.h>

namespace millrace::internal {
namespace {

// The hash is a part of the output's definition: these values may never change.
TEST(Hash, ValuesAreThoseOfEveryRelease) {
  EXPECT_EQ(hash_bytes(""), 11604625753023137980u);
  EXPECT_EQ(hash_bytes("a"), 16458296100975530460u);
  EXPECT_EQ(hash_bytes("word"), 13069218172357603442u);
  EXPECT_EQ(hash_bytes("sixteen bytes 16"), 1225020999940347734u);
  EXPECT_EQ(hash_bytes("seventeen bytes17"), 6799116902917437960u);
  EXPECT_EQ(hash_bytes(std::string(1000, 'x')), 5200935495680530908u);
}

// Reads that are wider than the key see the same bytes wherever the key lies, at the end of the last page too.
TEST(Hash, DoesNotDependOnWhatIsAround) {
  constexpr std::size_t page = 4096;
  void* at = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(at, MAP_FAILED);
  char* const pages = static_cast<char*>(at);
  ASSERT_EQ(mprotect(pages + page, page, PROT_NONE), 0);
  for (std::size_t length = 0; length <= 40; ++length) {
    const std::string key(length, 'k');
    const std::uint64_t expected = hash_bytes(key);
    for (std::size_t end = page; end > page - 40; --end) {
      std::memset(pages, 0xee, page);
      std::memcpy(pages + end - length, key.data(), length);
      EXPECT_EQ(hash_bytes({pages + end - length, length}), expected) << length << " bytes before " << end;
    }
  }
  munmap(pages, 2 * page);
}

TEST(Hash, AnEmptyTextMayLieNowhere) { EXPECT_EQ(hash_bytes(std::string_view()), hash_bytes("")); }

TEST(Hash, ZerosAtTheEndCount) {
  EXPECT_NE(hash_bytes(std::string(1, '\0')), hash_bytes(""));
  EXPECT_NE(hash_bytes(std::string(3, '\0')), hash_bytes(std::string(4, '\0')));
  EXPECT_NE(hash_bytes(std::string(16, '\0')), hash_bytes(std::string(17, '\0')));
}

TEST(Hash, SpreadsKeysEvenly) {
  for (const std::uint32_t partitions : {2u, 7u, 64u}) {
    std::vector<int> counts(partitions);
    for (int i = 0; i < 64000; ++i) ++counts[partition_of(hash_bytes("key" + std::to_string(i)), partitions)];
    const double mean = 64000.0 / partitions;
    for (const int count : counts) EXPECT_NEAR(count, mean, mean * 0.2);
  }
}

TEST(Hash, PartitionsAreRangesOfTheHash) {
  for (const std::uint32_t partitions : {1u, 3u, 4096u}) {
    EXPECT_EQ(partition_of(0, partitions), 0u);
    EXPECT_EQ(partition_of(~std::uint64_t{0}, partitions), partitions - 1);
    std::uint32_t last = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      const std::uint32_t partition = partition_of(i << 54, partitions);
      EXPECT_GE(partition, last);
      last = partition;
    }
  }
}

TEST(KeyBytesTest, EqualKeysHaveEqualBytes) {
  KeyBytes<double> reals;
  EXPECT_EQ(std::string(reals.of(0.0)), std::string(KeyBytes<double>().of(-0.0)));
  KeyBytes<std::pair<int, std::string>> pairs;
  const std::pair<int, std::string> pair(3, "x");
  const std::string bytes(pairs.of(pair));
  EXPECT_EQ((KeyBytes<std::pair<int, std::string>>::key(bytes)), pair);
  EXPECT_EQ(KeyBytes<std::string>::key("text"), "text");
  const std::uint32_t number = 77;
  EXPECT_EQ(KeyBytes<std::uint32_t>::key(KeyBytes<std::uint32_t>::of(number)), number);
}

template <class K>
void expect_order(const std::vector<K>& ascending) {
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = i; j < ascending.size(); ++j) {
      EXPECT_LE(order_prefix(ascending[i]), order_prefix(ascending[j])) << i << " " << j;
    }
  }
}

TEST(OrderPrefix, NeverContradictsTheOrder) {
  expect_order<std::int64_t>(
      {std::numeric_limits<std::int64_t>::min(), -1, 0, 1, std::numeric_limits<std::int64_t>::max()});
  expect_order<std::int8_t>({-128, -1, 0, 127});
  expect_order<std::uint64_t>({0, 1, ~std::uint64_t{0}});
  expect_order<double>({-1e300, -1.5, -0.0, 0.0, 1e-300, 1.5, 1e300});
  expect_order<float>({-1.5f, 0.0f, 2.0f});
  expect_order<std::string>({"", std::string(1, '\0'), "a", "aa", "abcdefgh", "abcdefghi", "abcdefgi", "\x80", "\xff"});
  expect_order<std::pair<int, std::string>>({{-5, "z"}, {0, ""}, {7, "a"}});
  EXPECT_EQ(order_prefix(0.0), order_prefix(-0.0));
}

}  // namespace
}  // namespace millrace::internal
