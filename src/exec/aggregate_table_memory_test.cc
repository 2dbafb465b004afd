#include <gtest/gtest.h>
#include <string>

#include <millrace/internal/aggregate_table.h>

#include "exec/lone_task.h"

namespace millrace::exec {
namespace {

struct Sum {
  using input = std::uint64_t;
  using combined = std::uint64_t;
  std::uint64_t create(std::uint64_t one) const { return one; }
  void add(std::uint64_t& sum, std::uint64_t one) const { sum += one; }
  void merge(std::uint64_t& sum, std::uint64_t other) const { sum += other; }
};
using Table = internal::AggregateTable<std::uint64_t, Sum>;

std::string short_key(std::size_t i) { return std::to_string(i); }
std::string long_key(std::size_t i) { return "a key that does not fit into its slot " + std::to_string(i); }

/// Empties the table, and counts how often and what was in it.
struct Full {
  Table& table;
  std::size_t keys = 0;
  int calls = 0;

  void operator()() {
    ++calls;
    table.visit([&](auto&) { ++keys; });
    table.clear();
  }
};

// Slots that fitted into the share while no blocks lay in memory leave no room for long keys when they do.
class AggregateTableMemory : public testing::TestWithParam<int> {};

TEST_P(AggregateTableMemory, GoesOnInASmallerShare) {
  LoneTask task(static_cast<std::uint64_t>(GetParam()) << 20, Carrier::memory, 2);
  Table table(task.context(), Sum(), 1);
  Full full{table};
  std::size_t added = 0;
  for (; full.calls == 0; ++added) table.add<0>(short_key(added), std::uint64_t{1}, full);
  const std::uint64_t blocks = task.memory().storage_limit();
  ASSERT_TRUE(task.memory().try_reserve_storage(blocks));
  constexpr std::size_t keys = 200'000;
  const int before = full.calls;
  for (std::size_t i = 0; i < keys; ++i) {
    table.add<0>(long_key(i), std::uint64_t{1}, full);
    ASSERT_LT(full.calls - before, 100) << "emptied far too often at long key " << i;
  }
  table.flush(full);
  full();
  EXPECT_EQ(full.keys, added + keys);
  task.memory().release_storage(blocks);
}

INSTANTIATE_TEST_SUITE_P(Budgets, AggregateTableMemory, testing::Values(24, 32, 40, 48, 56, 64, 68, 72, 80));

}  // namespace
}  // namespace millrace::exec
