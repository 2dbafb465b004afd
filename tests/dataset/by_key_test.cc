#include <numeric>
#include <set>

#include <millrace/millrace.h>

#include "dataset_test.h"

namespace millrace::testing {
namespace {

using Counts = std::vector<std::pair<std::string, int>>;

// Pairs with keys of all lengths around the 16 bytes that the table keeps in its slots.
Counts some_pairs(int n) {
  Counts pairs;
  for (int i = 0; i < n; ++i) {
    const int key = i * i % 97;
    pairs.emplace_back(std::string(static_cast<std::size_t>(key % 40), 'k') + std::to_string(key), i);
  }
  return pairs;
}

template <class Fold>
std::map<std::string, int> folded(const Counts& pairs, Fold fold) {
  std::map<std::string, int> out;
  for (const auto& [key, value] : pairs) {
    const auto [at, added] = out.try_emplace(key, value);
    if (!added) at->second = fold(at->second, value);
  }
  return out;
}

template <class Pairs>
auto as_map(const Pairs& pairs) {
  std::map<typename Pairs::value_type::first_type, typename Pairs::value_type::second_type> out;
  for (const auto& [key, value] : pairs) EXPECT_TRUE(out.emplace(key, value).second) << "a key came twice";
  return out;
}

class ByKey : public DatasetTest {};
MILLRACE_ALL_SHAPES(ByKey);

TEST_P(ByKey, ReduceByKeyFoldsEachKey) {
  const auto pairs = some_pairs(2000);
  const auto expected = folded(pairs, std::plus<>{});
  for (const std::uint32_t count : {0u, 1u, 5u, 200u}) {
    const auto sums = context.parallelize(pairs, 7).reduce_by_key(std::plus<>{}, count);
    EXPECT_EQ(sums.partitions(), std::max(count, 1u));
    EXPECT_EQ(as_map(sums.collect()), expected);
  }
}

TEST_P(ByKey, TheOrderDoesNotDependOnHowTheInputWasCut) {
  const auto pairs = some_pairs(2000);
  const auto once = context.parallelize(pairs, 1).reduce_by_key(std::plus<>{}, 3).collect();
  EXPECT_EQ(context.parallelize(pairs, 13).reduce_by_key(std::plus<>{}, 3).collect(), once);
}

TEST_P(ByKey, PartitionsFollowEachOtherInTheOrderOfTheHash) {
  const auto once = context.parallelize(some_pairs(500)).reduce_by_key(std::plus<>{}, 1).collect();
  EXPECT_EQ(context.parallelize(some_pairs(500)).reduce_by_key(std::plus<>{}, 8).collect(), once);
  std::vector<std::uint64_t> hashes;
  for (const auto& [key, sum] : once) hashes.push_back(internal::hash_bytes(key));
  EXPECT_TRUE(std::is_sorted(hashes.begin(), hashes.end()));
}

TEST_P(ByKey, ReduceByKeyOverViewsOwnsItsValues) {
  const auto file = workspace.write("in", "a 3\nb 1\na 20\nc \nb 1\n");
  auto cut = [](std::string_view line) { return std::pair(field(line, 0, ' '), field(line, 1, ' ')); };
  auto longer = [](std::string a, std::string b) { return a.size() < b.size() ? b : a; };
  const auto longest = context.read_text(file).map(cut).reduce_by_key(longer);
  EXPECT_EQ(as_map(longest.collect()), (std::map<std::string, std::string>{{"a", "20"}, {"b", "1"}, {"c", ""}}));
}

TEST_P(ByKey, EmptyDatasetsAndEmptyPartitions) {
  EXPECT_TRUE(context.parallelize(Counts{}, 4).reduce_by_key(std::plus<>{}, 3).collect().empty());
  EXPECT_TRUE(context.parallelize(Counts{}).group_by_key(2).collect().empty());
  const auto one = context.parallelize(Counts{{"only", 1}}, 5);
  EXPECT_EQ(one.reduce_by_key(std::plus<>{}, 9).collect(), (Counts{{"only", 1}}));
}

TEST_P(ByKey, CombineByKeyHasItsOwnType) {
  const auto pairs = some_pairs(1000);
  auto create = [](int value) { return std::vector<int>{value}; };
  auto add = [](std::vector<int> all, int value) {
    all.push_back(value);
    return all;
  };
  auto merge = [](std::vector<int> a, const std::vector<int>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  std::map<std::string, std::vector<int>> expected;
  for (const auto& [key, value] : pairs) expected[key].push_back(value);
  auto all = as_map(context.parallelize(pairs, 6).combine_by_key(create, add, merge, 3).collect());
  for (auto& [key, values] : all) std::sort(values.begin(), values.end());
  EXPECT_EQ(all, expected);
}

TEST_P(ByKey, AggregateAndFoldByKeyStartFromZero) {
  const auto pairs = some_pairs(1000);
  std::map<std::string, std::set<int>> sets;
  for (const auto& [key, value] : pairs) sets[key].insert(value % 5);
  auto digits = [](std::string seen, int value) {
    const char digit = static_cast<char>('0' + value % 5);
    if (seen.find(digit) == seen.npos) seen.push_back(digit);
    return seen;
  };
  auto both = [](std::string a, std::string b) {
    for (const char c : b) {
      if (a.find(c) == a.npos) a.push_back(c);
    }
    return a;
  };
  const auto seen = as_map(context.parallelize(pairs, 4).aggregate_by_key(std::string(), digits, both, 3).collect());
  ASSERT_EQ(seen.size(), sets.size());
  for (const auto& [key, text] : seen) EXPECT_EQ(text.size(), sets[key].size()) << key;
  const auto larger = [](int a, int b) { return std::max(a, b); };
  EXPECT_EQ(as_map(context.parallelize(pairs, 4).fold_by_key(-1, larger).collect()), folded(pairs, larger));
}

TEST_P(ByKey, GroupByKeyKeepsTheOrderOfTheInput) {
  const auto pairs = some_pairs(3000);
  std::map<std::string, std::vector<int>> expected;
  for (const auto& [key, value] : pairs) expected[key].push_back(value);
  for (const std::uint32_t count : {1u, 4u}) {
    EXPECT_EQ(as_map(context.parallelize(pairs, 9).group_by_key(count).collect()), expected);
  }
}

TEST_P(ByKey, ReduceGroupsMayLeaveValuesUnread) {
  const auto pairs = some_pairs(3000);
  std::map<std::string, int> firsts;
  for (const auto& [key, value] : pairs) firsts.try_emplace(key, value);
  auto first = [](const std::string& key, auto& values, auto& emit) {
    int value = 0;
    if (key.size() % 2 == 0) return;
    ASSERT_TRUE(values.next(value));
    emit(std::pair(key, value));
  };
  std::erase_if(firsts, [](const auto& entry) { return entry.first.size() % 2 == 0; });
  EXPECT_EQ(as_map(context.parallelize(pairs, 9).reduce_groups<std::pair<std::string, int>>(first, 2).collect()),
            firsts);
}

TEST_P(ByKey, DistinctGivesEachElementOnce) {
  std::vector<std::pair<int, std::string>> values;
  std::set<std::pair<int, std::string>> expected;
  for (int i = 0; i < 1000; ++i) {
    values.emplace_back(i % 30, std::string(static_cast<std::size_t>(i % 3), 'x'));
    expected.insert(values.back());
  }
  const auto all = sorted(context.parallelize(values, 5).distinct(4).collect());
  EXPECT_EQ(all, (std::vector<std::pair<int, std::string>>(expected.begin(), expected.end())));
}

TEST_P(ByKey, PartitionByHashKeepsKeysTogetherAndInOrder) {
  const auto placed = context.parallelize(some_pairs(500), 5).partition_by_hash(4);
  auto with_partition = [](auto& partition, auto& emit) {
    partition.for_each([&](auto&& pair) { emit(std::pair(partition.index(), pair)); });
  };
  using Placed = std::pair<std::uint32_t, std::pair<std::string, int>>;
  std::map<std::string, std::uint32_t> where;
  std::map<std::string, int> last;
  const auto all = placed.map_partitions<Placed>(with_partition).collect();
  EXPECT_EQ(all.size(), 500u);
  for (const auto& [partition, pair] : all) {
    EXPECT_EQ(where.try_emplace(pair.first, partition).first->second, partition);
    EXPECT_EQ(partition, internal::partition_of(internal::hash_bytes(pair.first), 4));
    const auto [at, first] = last.try_emplace(pair.first, pair.second);
    EXPECT_TRUE(first || at->second < pair.second) << "values of a key changed their order";
    at->second = pair.second;
  }
}

TEST_P(ByKey, PartitionByTakesAFunction) {
  auto index = [](auto& partition, auto& emit) {
    partition.for_each([&](const auto& pair) { emit(std::pair(partition.index(), pair.first)); });
  };
  std::vector<std::pair<int, int>> pairs;
  for (int i = 0; i < 50; ++i) pairs.emplace_back(i, 0);
  const auto by_key = context.parallelize(pairs, 3).partition_by([](int key) { return key; }, 4);
  for (const auto& [partition, key] : by_key.map_partitions<std::pair<std::uint32_t, int>>(index).collect()) {
    EXPECT_EQ(partition, static_cast<std::uint32_t>(key % 4));
  }
  auto reversed = [](int key, std::uint32_t count) { return count - 1 - static_cast<std::uint32_t>(key) % count; };
  const auto by_both = context.parallelize(pairs, 3).partition_by(reversed, 5);
  for (const auto& [partition, key] : by_both.map_partitions<std::pair<std::uint32_t, int>>(index).collect()) {
    EXPECT_EQ(partition, static_cast<std::uint32_t>(4 - key % 5));
  }
  expect_error(Cause::usage, {"partitions"}, [&] { by_key.partition_by([](int) { return 0; }, 0); });
}

TEST_P(ByKey, PartitionByRangeSeparatesTheKeys) {
  const auto ranges = context.parallelize(some_pairs(2000), 5).partition_by_range(6);
  auto bounds = [](auto& partition, auto& emit) {
    std::vector<std::string> keys;
    partition.for_each([&](const auto& pair) { keys.push_back(pair.first); });
    if (keys.empty()) return;
    const auto [low, high] = std::minmax_element(keys.begin(), keys.end());
    emit(std::pair(*low, *high));
  };
  const auto found = ranges.map_partitions<std::pair<std::string, std::string>>(bounds).collect();
  EXPECT_GT(found.size(), 3u);
  for (std::size_t i = 1; i < found.size(); ++i) EXPECT_LT(found[i - 1].second, found[i].first);
  EXPECT_EQ(sorted(ranges.collect()), sorted(some_pairs(2000)));
}

TEST_P(ByKey, RepartitionKeepsEveryElement) {
  std::vector<int> values(1000);
  std::iota(values.begin(), values.end(), -500);
  const auto moved = context.parallelize(values, 3).repartition(11);
  EXPECT_EQ(moved.partitions(), 11u);
  EXPECT_EQ(sorted(moved.collect()), values);
  EXPECT_EQ(context.parallelize(values, 9).repartition(11).collect(), moved.collect());
}

TEST_P(ByKey, ReducersIsTheDefaultNumberOfPartitions) {
  Options shaped = options();
  shaped.reducers = 5;
  const Context with_reducers(shaped);
  EXPECT_EQ(with_reducers.parallelize(some_pairs(10)).reduce_by_key(std::plus<>{}).partitions(), 5u);
  EXPECT_EQ(with_reducers.parallelize(some_pairs(10)).reduce_by_key(std::plus<>{}, 2).partitions(), 2u);
}

TEST_P(ByKey, CountByKey) {
  const auto pairs = some_pairs(1000);
  std::map<std::string, std::uint64_t> expected;
  for (const auto& [key, value] : pairs) ++expected[key];
  EXPECT_EQ(context.parallelize(pairs, 5).count_by_key(), expected);
}

TEST_P(ByKey, ChainedShuffles) {
  const auto pairs = some_pairs(2000);
  std::map<int, std::uint64_t> expected;
  for (const auto& [key, sum] : folded(pairs, std::plus<>{})) ++expected[sum % 10];
  const auto histogram = context.parallelize(pairs, 5)
                             .reduce_by_key(std::plus<>{}, 4)
                             .map([](const auto& pair) { return std::pair(pair.second % 10, std::uint64_t{1}); })
                             .reduce_by_key(std::plus<>{}, 3)
                             .sort_by_key({}, 2);
  EXPECT_EQ(histogram.collect(), (std::vector<std::pair<int, std::uint64_t>>(expected.begin(), expected.end())));
}

}  // namespace
}  // namespace millrace::testing
