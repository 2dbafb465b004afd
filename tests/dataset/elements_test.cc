#include <array>
#include <optional>

#include <millrace/millrace.h>

#include "dataset_test.h"

namespace millrace::testing {

struct Visit {
  std::string url;
  std::vector<int> times;
  std::optional<std::string> referrer;
  static constexpr auto fields = std::tuple{&Visit::url, &Visit::times, &Visit::referrer};
  friend bool operator==(const Visit&, const Visit&) = default;
  friend bool operator<(const Visit& a, const Visit& b) { return a.url < b.url; }
};

struct Version {
  int major;
  int minor;
  friend auto operator<=>(const Version&, const Version&) = default;
};

/// Has a codec of its own: one byte.
struct Letter {
  char value;
  explicit Letter(char c) : value(c) {}
  Letter() : value('a') {}
  Letter(const Letter& other) : value(other.value) {}
  Letter& operator=(const Letter& other) {
    value = other.value;
    return *this;
  }
  friend bool operator==(const Letter& a, const Letter& b) { return a.value == b.value; }
  friend bool operator<(const Letter& a, const Letter& b) { return a.value < b.value; }
};

}  // namespace millrace::testing

template <>
struct millrace::Codec<millrace::testing::Letter> {
  using Letter = millrace::testing::Letter;
  static std::size_t size(const Letter&) { return 1; }
  static std::byte* encode(const Letter& letter, std::byte* out) {
    *out = static_cast<std::byte>(letter.value);
    return out + 1;
  }
  static Letter decode(const std::byte*& at, const std::byte* end) {
    internal::need(at, end, 1);
    return Letter(static_cast<char>(*at++));
  }
  static void skip(const std::byte*& at, const std::byte* end) { decode(at, end); }
};

namespace millrace::testing {
namespace {

class Elements : public DatasetTest {
 protected:
  // Through every place where elements become bytes: the plan, a shuffle by content, a cache, a sort, a result.
  template <class T>
  void expect_kept(const std::vector<T>& values) {
    EXPECT_EQ(context.parallelize(values, 3).collect(), values);
    EXPECT_EQ(sorted(context.parallelize(values, 3).repartition(4).cache().collect()), sorted(values));
    EXPECT_EQ(context.parallelize(values, 3).sort({}, 2).collect(), sorted(values));
    auto unique = sorted(values);
    unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
    EXPECT_EQ(sorted(context.parallelize(values, 3).distinct(3).collect()), unique);
  }
};
MILLRACE_ALL_SHAPES(Elements);

TEST_P(Elements, Numbers) {
  expect_kept(std::vector<bool>{});
  expect_kept(std::vector<std::int8_t>{-128, 0, 127, 0});
  expect_kept(std::vector<std::uint32_t>{1, ~0u, 0, 1});
  expect_kept(std::vector<float>{1.5f, -0.5f, 1.5f});
}

TEST_P(Elements, TextOfEveryLength) {
  std::vector<std::string> values;
  for (std::size_t n = 0; n < 300; ++n) values.push_back(std::string(n % 150, static_cast<char>(n)));
  expect_kept(values);
}

TEST_P(Elements, LongText) {
  expect_kept(
      std::vector<std::string>{std::string(3000000, 'x'), "", std::string(1000000, 'y'), std::string(3000000, 'x')});
}

TEST_P(Elements, Compounds) {
  expect_kept(std::vector<std::pair<int, std::string>>{{2, "b"}, {1, "a"}, {2, "b"}});
  expect_kept(
      std::vector<std::tuple<std::string, double, std::vector<std::string>>>{{"x", 1.5, {"p", ""}}, {"", 0, {}}});
  expect_kept(std::vector<std::optional<std::string>>{"", std::nullopt, "x", std::nullopt});
  expect_kept(std::vector<std::array<std::string, 2>>{{"b", "a"}, {"a", "b"}});
  expect_kept(std::vector<std::vector<std::vector<int>>>{{{1}, {}}, {}, {{2, 3}}});
}

TEST_P(Elements, StructsWithFields) {
  expect_kept(std::vector<Visit>{{"b", {1, 2}, "a"}, {"a", {}, std::nullopt}, {"b", {1, 2}, "a"}});
}

TEST_P(Elements, PlainStructs) { expect_kept(std::vector<Version>{{1, 2}, {0, 9}, {1, 2}}); }

TEST_P(Elements, ACodecOfTheUsers) { expect_kept(std::vector<Letter>{Letter('x'), Letter('b'), Letter('x')}); }

TEST_P(Elements, KeysOfEveryKind) {
  const auto count = [&](const auto& keys) {
    using K = typename std::decay_t<decltype(keys)>::value_type;
    auto one = [](const K& key) { return std::pair(key, std::uint64_t{1}); };
    return sorted(context.parallelize(keys, 3).map(one).reduce_by_key(std::plus<>{}, 3).collect());
  };
  EXPECT_EQ(count(std::vector<Version>{{1, 2}, {0, 9}, {1, 2}}),
            (std::vector<std::pair<Version, std::uint64_t>>{{{0, 9}, 1}, {{1, 2}, 2}}));
  EXPECT_EQ(count(std::vector<Visit>{{"b", {1}, "a"}, {"b", {1}, "a"}}),
            (std::vector<std::pair<Visit, std::uint64_t>>{{{"b", {1}, "a"}, 2}}));
  EXPECT_EQ(count(std::vector<std::pair<int, std::string>>{{1, "x"}, {1, "x"}, {1, "y"}}),
            (std::vector<std::pair<std::pair<int, std::string>, std::uint64_t>>{{{1, "x"}, 2}, {{1, "y"}, 1}}));
  EXPECT_EQ(count(std::vector<Letter>{Letter('b'), Letter('a'), Letter('b')}),
            (std::vector<std::pair<Letter, std::uint64_t>>{{Letter('a'), 1}, {Letter('b'), 2}}));
  EXPECT_EQ(count(std::vector<std::optional<int>>{1, std::nullopt, 1}),
            (std::vector<std::pair<std::optional<int>, std::uint64_t>>{{std::nullopt, 1}, {1, 2}}));
}

TEST_P(Elements, BothZerosAreOneKey) {
  auto one = [](double key) { return std::pair(key, 1); };
  const auto counts = context.parallelize(std::vector<double>{0.0, -0.0, 1.5}, 3).map(one).reduce_by_key(std::plus<>{});
  EXPECT_EQ(sorted(counts.collect()), (std::vector<std::pair<double, int>>{{0, 2}, {1.5, 1}}));
}

TEST_P(Elements, ValuesThatGrowInTheTable) {
  auto text = [](std::uint64_t i) { return std::pair(i % 10, std::string(100, static_cast<char>('a' + i % 26))); };
  auto join = [](std::string a, const std::string& b) { return a + b; };
  const auto joined = context.generate(5000, text, 4).reduce_by_key(join, 2).collect();
  ASSERT_EQ(joined.size(), 10u);
  for (const auto& [key, all] : joined) EXPECT_EQ(all.size(), 50000u) << key;
}

}  // namespace
}  // namespace millrace::testing
