#include <gtest/gtest.h>
#include <map>
#include <random>
#include <unordered_map>

#include <millrace/internal/aggregate_table.h>

#include "exec/testing.h"

namespace millrace::exec {
namespace {

using internal::AggregateTable;
using testing::Process;

constexpr std::uint64_t mebi = std::uint64_t{1} << 20;

struct Sums {
  using input = std::uint64_t;
  using combined = std::uint64_t;
  std::uint64_t create(std::uint64_t&& value) { return value; }
  void add(std::uint64_t& into, std::uint64_t&& value) { into += value; }
};

struct Texts {
  using input = std::string;
  using combined = std::string;
  std::string create(std::string&& value) { return std::move(value); }
  void add(std::string& into, std::string&& value) { into += value; }
};

std::string key_of(std::uint64_t i) {
  // Lengths 0 to 40, so on both sides of the 16 bytes that lie in a slot, with zeros and high bytes among them.
  std::string key(i % 41, static_cast<char>(i % 7 * 40));
  if (key.size() >= 8) std::memcpy(key.data(), &i, 8);
  if (key.size() >= 24) std::memcpy(key.data() + key.size() - 8, &i, 8);
  return key;
}

/// What was drained, added up, and how often that was.
template <class C>
struct Drained {
  std::unordered_map<std::string, C> all;
  int times = 0;

  template <class Table>
  void take(Table& table) {
    ++times;
    table.visit([this](auto& slot) {
      auto [at, added] = all.try_emplace(std::string(slot.bytes()), slot.value());
      if (!added) at->second += slot.value();
      EXPECT_EQ(slot.hash(), internal::hash_bytes(slot.bytes()));
    });
    table.clear();
  }
};

class Tables : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  /// Adds i to key(i) for each i below `records`, expects the sums that a map has, and returns how often the table was
  /// drained.
  template <class Key>
  static int expect_map(std::uint64_t records, Key key) {
    std::unordered_map<std::string, std::uint64_t> expected;
    Drained<std::uint64_t> drained;
    Process process(GetParam());
    process.expect([&](TaskContext& task) {
      AggregateTable<std::uint64_t, Sums> table(task, {}, 1);
      auto full = [&] { drained.take(table); };
      for (std::uint64_t i = 0; i < records; ++i) {
        const std::string of = key(i);
        expected[of] += i;
        table.add<0>(of, std::uint64_t{i}, full);
      }
      table.flush(full);
      drained.take(table);
      EXPECT_EQ(table.size(), 0u);
    });
    EXPECT_EQ(drained.all, expected);
    return drained.times;
  }
};

TEST_P(Tables, SumsAsAMapDoes) {
  std::mt19937_64 random(3);
  const int drained = expect_map(300000, [&](std::uint64_t) { return key_of(random() % 50000); });
  if (GetParam() <= mebi) {
    EXPECT_GT(drained, 3);
  }
  if (GetParam() >= 64 * mebi) {
    EXPECT_EQ(drained, 1);
  }
}

TEST_P(Tables, ValuesThatGrowAreCounted) {
  std::mt19937_64 random(4);
  std::unordered_map<std::string, std::string> expected;
  Drained<std::string> drained;
  Process process(GetParam());
  process.expect([&](TaskContext& task) {
    AggregateTable<std::string, Texts> table(task, {}, 1);
    auto full = [&] { drained.take(table); };
    for (std::uint64_t i = 0; i < 50000; ++i) {
      const std::string key = key_of(random() % 1000);
      const std::string value(random() % 100, static_cast<char>('a' + i % 26));
      expected[key] += value;
      table.add<0>(key, std::string(value), full);
    }
    table.flush(full);
    drained.take(table);
  });
  EXPECT_EQ(drained.all, expected);
  if (GetParam() <= mebi) {
    EXPECT_GT(drained.times, 1);
  }
}

TEST_P(Tables, LongKeysOfAllSizes) {
  expect_map(200, [](std::uint64_t i) { return std::string((i % 20) * 30000, 'k') + std::to_string(i % 40); });
}

INSTANTIATE_TEST_SUITE_P(Budgets, Tables, ::testing::Values(mebi / 4, mebi, 8 * mebi, 256 * mebi),
                         [](const auto& each) { return std::to_string(each.param >> 10) + "_KiB"; });

TEST(AggregateTableTest, OrderIsThatOfTheHashThenTheKey) {
  for (const std::uint64_t partitions : {1, 3, 16}) {
    Process process(256 * mebi);
    process.expect([&](TaskContext& task) {
      AggregateTable<std::uint64_t, Sums> table(task, {}, partitions);
      auto full = [] { FAIL() << "there is memory enough"; };
      std::uint64_t in_partition = 0;
      for (std::uint64_t i = 0; i < 100000; ++i) {
        const std::string key = key_of(i);
        const std::uint64_t hash = internal::hash_bytes(key);
        if (internal::partition_of(hash, static_cast<std::uint32_t>(partitions)) != partitions - 1) continue;
        table.add<0>(key, std::uint64_t{1}, full);
        ++in_partition;
      }
      table.flush(full);
      EXPECT_GT(table.size(), in_partition / 3);
      std::optional<std::pair<std::uint64_t, std::string>> last;
      std::uint64_t count = 0;
      table.visit_in_order([&](auto& slot) {
        std::pair<std::uint64_t, std::string> at(slot.hash(), slot.bytes());
        if (last) {
          EXPECT_LT(*last, at);
        }
        last = std::move(at);
        ++count;
      });
      EXPECT_EQ(count, table.size());
    });
  }
}

TEST(AggregateTableTest, FixedKeys) {
  Process process;
  process.expect([&](TaskContext& task) {
    AggregateTable<std::uint64_t, Sums> table(task, {}, 1);
    auto full = [] { FAIL() << "there is memory enough"; };
    for (std::uint64_t i = 0; i < 10000; ++i) {
      const std::uint64_t key = i % 100;
      table.add<8>({reinterpret_cast<const char*>(&key), 8}, std::uint64_t{1}, full);
    }
    table.flush(full);
    EXPECT_EQ(table.size(), 100u);
    table.visit([](auto& slot) { EXPECT_EQ(slot.value(), 100u); });
  });
}

TEST(AggregateTableTest, KeysAreEncodedAsTextIs) {
  Process process;
  process.expect([&](TaskContext& task) {
    AggregateTable<std::uint64_t, Sums> table(task, {}, 1);
    auto full = [] { FAIL() << "there is memory enough"; };
    for (std::uint64_t i = 0; i < 200; ++i) table.add<0>(std::string(i, 'k'), std::uint64_t{1}, full);
    table.flush(full);
    table.visit([](auto& slot) {
      std::vector<std::byte> bytes(Codec<std::string_view>::size(slot.bytes()) + internal::encoded_room);
      const std::byte* const end = slot.encode_key(bytes.data());
      const std::byte* at = bytes.data();
      EXPECT_EQ(Codec<std::string_view>::decode(at, end), slot.bytes());
      EXPECT_EQ(at, end);
    });
  });
}

/// Throws on the third value that it creates or adds.
struct Throwing {
  using input = std::string;
  using combined = std::string;
  bool in_create;
  int* calls;
  void call() const {
    if (++*calls == 3) throw std::runtime_error("the third");
  }
  std::string create(std::string&& value) {
    if (in_create) call();
    return std::move(value);
  }
  void add(std::string& into, std::string&& value) {
    if (!in_create) call();
    into += value;
  }
};

TEST(AggregateTableTest, AFunctionThatThrowsLeavesNothingBehind) {
  for (const bool in_create : {false, true}) {
    int calls = 0;
    Process process;
    const TaskResult result = process.run([&](TaskContext& task) {
      AggregateTable<std::string, Throwing> table(task, {in_create, &calls}, 1);
      auto full = [] {};
      for (int i = 0; i < 1000; ++i) {
        table.add<0>("key " + std::to_string(i % 10), std::string(100, 'v'), full);
      }
    });
    EXPECT_FALSE(result.succeeded);
    EXPECT_EQ(result.cause, Cause::user_code);
    EXPECT_EQ(calls, 3);
  }
}

using SumTable = AggregateTable<std::uint64_t, Sums>;

std::string short_key(std::size_t i) { return std::to_string(i); }
std::string long_key(std::size_t i) { return "a key that does not fit into its slot " + std::to_string(i); }

/// Empties the table, and counts how often and what was in it.
struct Full {
  SumTable& table;
  std::size_t keys = 0;
  int calls = 0;

  void operator()() {
    ++calls;
    table.visit([&](auto&) { ++keys; });
    table.clear();
  }
};

// Slots that fitted into the share while no blocks lay in memory leave no room for long keys when they do.
class AggregateTableMemory : public ::testing::TestWithParam<int> {};

TEST_P(AggregateTableMemory, GoesOnInASmallerShare) {
  Process process(static_cast<std::uint64_t>(GetParam()) << 20, 2);
  process.expect([&](TaskContext& task) {
    SumTable table(task, {}, 1);
    Full full{table};
    std::size_t added = 0;
    for (; full.calls == 0; ++added) table.add<0>(short_key(added), std::uint64_t{1}, full);
    const std::uint64_t blocks = process.memory.storage_limit();
    ASSERT_TRUE(process.memory.try_reserve_storage(blocks));
    constexpr std::size_t keys = 200'000;
    const int before = full.calls;
    for (std::size_t i = 0; i < keys; ++i) {
      table.add<0>(long_key(i), std::uint64_t{1}, full);
      ASSERT_LT(full.calls - before, 100) << "emptied far too often at long key " << i;
    }
    table.flush(full);
    full();
    EXPECT_EQ(full.keys, added + keys);
    process.memory.release_storage(blocks);
  });
}

INSTANTIATE_TEST_SUITE_P(Budgets, AggregateTableMemory, ::testing::Values(24, 32, 40, 48, 56, 64, 68, 72, 80));

}  // namespace
}  // namespace millrace::exec
