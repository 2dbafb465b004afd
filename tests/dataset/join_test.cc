#include <optional>
#include <set>

#include <millrace/millrace.h>

#include "dataset_test.h"

namespace millrace::testing {
namespace {

using Left = std::vector<std::pair<int, std::string>>;
using Right = std::vector<std::pair<int, double>>;
using MaybeLeft = std::optional<std::string>;
using MaybeRight = std::optional<double>;

// Keys 0..59 on the left, 40..99 on the right, each i % 3 times.
Left lefts() {
  Left out;
  for (int i = 0; i < 180; ++i) {
    if (i / 60 < i % 60 % 3 + 1) out.emplace_back(i % 60, "l" + std::to_string(i));
  }
  return out;
}
Right rights() {
  Right out;
  for (int i = 0; i < 180; ++i) {
    if (i / 60 < i % 60 % 4) out.emplace_back(40 + i % 60, i / 4.0);
  }
  return out;
}

template <class L, class R>
std::vector<std::pair<int, std::pair<L, R>>> joined(bool keep_left, bool keep_right) {
  std::vector<std::pair<int, std::pair<L, R>>> out;
  for (const auto& [key, left] : lefts()) {
    bool found = false;
    for (const auto& [other, right] : rights()) {
      if (key != other) continue;
      found = true;
      out.push_back({key, {left, right}});
    }
    if constexpr (!std::is_same_v<R, double>) {
      if (!found && keep_left) out.push_back({key, {left, std::nullopt}});
    }
  }
  if constexpr (!std::is_same_v<L, std::string>) {
    for (const auto& [key, right] : rights()) {
      bool found = false;
      for (const auto& [other, left] : lefts()) found = found || key == other;
      if (!found && keep_right) out.push_back({key, {std::nullopt, right}});
    }
  }
  return sorted(std::move(out));
}

class Joins : public DatasetTest {
 protected:
  auto left() { return context.parallelize(lefts(), 4); }
  auto right() { return context.parallelize(rights(), 3); }
};
MILLRACE_ALL_SHAPES(Joins);

TEST_P(Joins, JoinPairsUpEqualKeys) {
  for (const std::uint32_t count : {0u, 1u, 6u}) {
    EXPECT_EQ(sorted(left().join(right(), count).collect()), (joined<std::string, double>(false, false))) << count;
  }
}

TEST_P(Joins, OuterJoinsKeepWhatHasNoPartner) {
  EXPECT_EQ(sorted(left().left_outer_join(right(), 3).collect()), (joined<std::string, MaybeRight>(true, false)));
  EXPECT_EQ(sorted(left().right_outer_join(right(), 3).collect()), (joined<MaybeLeft, double>(false, true)));
  EXPECT_EQ(sorted(left().full_outer_join(right(), 3).collect()), (joined<MaybeLeft, MaybeRight>(true, true)));
}

TEST_P(Joins, ValuesOfAKeyComeInTheOrderOfBothInputs) {
  const auto all = left().join(right(), 2).collect();
  std::map<int, std::vector<std::pair<std::string, double>>> by_key;
  for (const auto& [key, values] : all) by_key[key].push_back(values);
  for (const auto& [key, values] : by_key) {
    std::vector<std::pair<std::string, double>> expected;
    for (const auto& [k, l] : lefts()) {
      for (const auto& [other, r] : rights()) {
        if (k == key && other == key) expected.emplace_back(l, r);
      }
    }
    EXPECT_EQ(values, expected) << key;
  }
}

TEST_P(Joins, AgainstNothing) {
  const auto nothing = context.parallelize(Right{}, 2);
  EXPECT_EQ(left().join(nothing).count(), 0u);
  EXPECT_EQ(nothing.join(left()).count(), 0u);
  EXPECT_EQ(left().left_outer_join(nothing).count(), lefts().size());
  EXPECT_EQ(left().right_outer_join(nothing).count(), 0u);
  EXPECT_EQ(sorted(left().subtract_by_key(nothing).collect()), sorted(lefts()));
  EXPECT_EQ(nothing.full_outer_join(nothing).count(), 0u);
}

TEST_P(Joins, CogroupGivesBothSidesOfEachKey) {
  using Sides = std::pair<std::vector<std::string>, std::vector<double>>;
  std::map<int, Sides> expected;
  for (const auto& [key, value] : lefts()) expected[key].first.push_back(value);
  for (const auto& [key, value] : rights()) expected[key].second.push_back(value);
  const auto groups = sorted(left().cogroup(right(), 4).collect());
  EXPECT_EQ(groups, (std::vector<std::pair<int, Sides>>(expected.begin(), expected.end())));
}

TEST_P(Joins, CogroupWithMayLeaveValuesUnread) {
  std::map<int, std::string> expected;
  for (const auto& [key, value] : lefts()) expected.try_emplace(key, value);
  auto first = [](int key, auto& mine, auto& theirs, auto& emit) {
    std::string value;
    if (key % 2 == 0 && mine.next(value)) emit(std::pair(key, value));
    double unused = 0;
    theirs.next(unused);
  };
  std::erase_if(expected, [](const auto& entry) { return entry.first % 2 != 0; });
  const auto found = sorted(left().cogroup_with<std::pair<int, std::string>>(right(), first, 3).collect());
  EXPECT_EQ(found, (Left(expected.begin(), expected.end())));
}

TEST_P(Joins, SubtractByKey) {
  std::set<int> keys;
  for (const auto& [key, value] : rights()) keys.insert(key);
  Left expected = lefts();
  std::erase_if(expected, [&](const auto& pair) { return keys.contains(pair.first); });
  EXPECT_EQ(sorted(left().subtract_by_key(right(), 3).collect()), sorted(expected));
}

TEST_P(Joins, BroadcastJoinKeepsTheOrderOfTheLargeSide) {
  Left unmatched = lefts();
  std::vector<std::pair<int, std::pair<std::string, double>>> expected;
  std::vector<std::pair<int, std::pair<std::string, MaybeRight>>> outer;
  for (const auto& [key, value] : lefts()) {
    const std::size_t before = expected.size();
    for (const auto& [other, number] : rights()) {
      if (key != other) continue;
      expected.push_back({key, {value, number}});
      outer.push_back({key, {value, number}});
    }
    if (expected.size() == before) outer.push_back({key, {value, std::nullopt}});
  }
  EXPECT_EQ(left().broadcast_join(right()).collect(), expected);
  EXPECT_EQ(left().broadcast_join<true>(right()).collect(), outer);
  EXPECT_EQ(left().broadcast_join(context.parallelize(Right{})).count(), 0u);
}

TEST_P(Joins, BroadcastJoinFindsEachOfManyRowsInOrder) {
  constexpr int keys = 20'000;
  std::vector<std::pair<std::string, int>> small;
  for (int i = 0; i < 3 * keys; ++i) small.emplace_back("key" + std::to_string(i % keys), i);
  std::vector<std::pair<std::string, int>> large{{"none", -1}};
  std::vector<std::pair<std::string, std::pair<int, int>>> expected;
  for (int key = 0; key < keys; key += 7) {
    large.emplace_back("key" + std::to_string(key), key);
    for (int row = key; row < 3 * keys; row += keys) expected.push_back({large.back().first, {key, row}});
  }
  EXPECT_EQ(context.parallelize(large).broadcast_join(context.parallelize(small)).collect(), expected);
}

TEST_P(Joins, ViewsAndOwnersJoin) {
  auto cut = [](std::string_view line) { return std::pair(field(line, 0), field(line, 1)); };
  const auto views = context.read_text(workspace.write("in", "a\t1\nb\t2\na\t3\n")).map(cut);
  const auto owned = context.parallelize(std::vector<std::pair<std::string, int>>{{"a", 10}, {"c", 30}});
  using Row = std::pair<std::string, std::pair<std::string, int>>;
  const std::vector<Row> expected{{"a", {"1", 10}}, {"a", {"3", 10}}};
  EXPECT_EQ(views.join(owned, 2).collect(), expected);
  EXPECT_EQ(views.broadcast_join(owned).collect(), expected);
  using Turned = std::pair<std::string, std::pair<int, std::string>>;
  EXPECT_EQ(owned.join(views, 2).collect(), (std::vector<Turned>{{"a", {10, "1"}}, {"a", {10, "3"}}}));
}

TEST_P(Joins, AKeyHeavierThanTheMemoryThatHoldsOneSide) {
  // 60 values of 50 KB on the right of one key: more than the megabyte that is held.
  auto big = [](std::uint64_t i) { return std::pair(1, std::string(50000, static_cast<char>('a' + i % 26))); };
  const auto heavy = context.generate(60, big, 3);
  const auto light = context.generate(
      4, [](std::uint64_t i) { return std::pair(static_cast<int>(i % 2), i); }, 2);
  auto measure = [](const auto& row) { return std::pair(row.second.first, row.second.second.size()); };
  std::vector<std::pair<std::uint64_t, std::size_t>> expected(60, {1, 50000});
  expected.insert(expected.end(), 60, {3, 50000});
  EXPECT_EQ(light.join(heavy, 2).map(measure).collect(), expected);
}

TEST_P(Joins, ADatasetWithItself) {
  const auto pairs = context.parallelize(std::vector<std::pair<int, int>>{{1, 1}, {2, 2}, {1, 3}}, 2);
  using Row = std::pair<int, std::pair<int, int>>;
  EXPECT_EQ(sorted(pairs.join(pairs, 2).collect()),
            (std::vector<Row>{{1, {1, 1}}, {1, {1, 3}}, {1, {3, 1}}, {1, {3, 3}}, {2, {2, 2}}}));
}

}  // namespace
}  // namespace millrace::testing
