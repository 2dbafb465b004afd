#include "exec/record_sorter.h"

#include <gtest/gtest.h>
#include <random>

#include <millrace/internal/order.h>

#include "exec/testing.h"

namespace millrace::exec {
namespace {

using testing::Process;

constexpr std::uint64_t mebi = std::uint64_t{1} << 20;

Block block_of(Encoder& out) {
  auto bytes = std::make_shared<std::vector<std::byte>>(out.take());
  const std::span<const std::byte> all(*bytes);
  return {bytes, all};
}

template <class T>
std::vector<Block> blocks_of(const std::vector<T>& values, std::size_t each) {
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < values.size(); i += each) {
    Encoder out;
    for (std::size_t j = i; j < std::min(values.size(), i + each); ++j) out.put(values[j]);
    blocks.push_back(block_of(out));
  }
  return blocks;
}

template <class T>
std::vector<T> sort_in_task(TaskContext& task, const internal::RecordOrder& order, std::vector<Block> blocks,
                            std::size_t batch_size = 256) {
  Sorter sorter(task, order);
  for (Block& block : blocks) sorter.add(std::move(block));
  std::vector<T> out;
  std::vector<const std::byte*> batch(batch_size);
  for (std::size_t given = sorter.next(batch); given != 0; given = sorter.next(batch)) {
    for (std::size_t i = 0; i < given; ++i) {
      const std::byte* at = batch[i];
      out.push_back(Codec<T>::decode(at, internal::measured()));
    }
  }
  EXPECT_EQ(sorter.next(batch), 0u);
  return out;
}

using Pair = std::pair<std::string, std::uint64_t>;

// Texts of few letters, so that many have equal prefixes and many are equal; the number tells them apart.
std::vector<Pair> some_pairs(std::size_t n, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<Pair> out;
  for (std::size_t i = 0; i < n; ++i) {
    std::string text;
    for (std::uint64_t left = random() % 20; left != 0; --left) text.push_back(static_cast<char>('a' + random() % 2));
    out.emplace_back(std::move(text), i);
  }
  return out;
}

// By the text alone: pairs of equal text have to keep their order.
struct ByText {
  const std::string& operator()(const Pair& pair) const { return pair.first; }
};

class SorterTest : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(SorterTest, IsAStableSort) {
  const auto values = some_pairs(40000, 5);
  auto expected = values;
  std::stable_sort(expected.begin(), expected.end(), [](auto& a, auto& b) { return a.first < b.first; });
  ByText by_text;
  internal::Ascending ascending;
  const internal::ElementOrder<Pair, ByText, internal::Ascending> order{&by_text, &ascending};
  for (const std::size_t each : {std::size_t{1}, std::size_t{1000}, std::size_t{40000}}) {
    Process process(GetParam());
    const TaskResult result = process.run([&](TaskContext& task) {
      EXPECT_EQ(sort_in_task<Pair>(task, order.record_order(), blocks_of(values, each)), expected);
    });
    EXPECT_TRUE(result.succeeded) << result.message;
    if (GetParam() <= mebi) {
      EXPECT_GT(result.spills, 1u);
    }
    if (GetParam() >= 64 * mebi) {
      EXPECT_EQ(result.spills, 0u);
    }
    EXPECT_EQ(process.memory.storage_used(), 0u);
  }
}

TEST_P(SorterTest, PrefixesAloneDecideForNumbers) {
  std::mt19937_64 random(9);
  std::vector<std::int64_t> values;
  for (int i = 0; i < 50000; ++i) values.push_back(static_cast<std::int64_t>(random()) >> (random() % 60));
  auto expected = values;
  std::sort(expected.begin(), expected.end());
  internal::Itself itself;
  internal::Ascending ascending;
  const internal::ElementOrder<std::int64_t, internal::Itself, internal::Ascending> order{&itself, &ascending};
  Process process(GetParam());
  process.expect([&](TaskContext& task) {
    EXPECT_EQ(sort_in_task<std::int64_t>(task, order.record_order(), blocks_of(values, 5000), 7), expected);
  });
}

TEST_P(SorterTest, AllEqualKeepTheirOrder) {
  std::vector<Pair> values;
  for (std::uint64_t i = 0; i < 30000; ++i) values.emplace_back("same", i);
  ByText by_text;
  internal::Descending descending;
  const internal::ElementOrder<Pair, ByText, internal::Descending> order{&by_text, &descending};
  Process process(GetParam());
  process.expect([&](TaskContext& task) {
    EXPECT_EQ(sort_in_task<Pair>(task, order.record_order(), blocks_of(values, 999)), values);
  });
}

TEST_P(SorterTest, GroupsByHashThenBytes) {
  const auto values = some_pairs(20000, 6);
  auto expected = values;
  std::stable_sort(expected.begin(), expected.end(), [](auto& a, auto& b) {
    const std::uint64_t x = internal::hash_bytes(a.first);
    const std::uint64_t y = internal::hash_bytes(b.first);
    return x != y ? x < y : a.first < b.first;
  });
  Process process(GetParam());
  process.expect([&](TaskContext& task) {
    const auto order = internal::HashOrder<std::string, std::uint64_t>::record_order();
    EXPECT_EQ(sort_in_task<Pair>(task, order, blocks_of(values, 500)), expected);
  });
}

// Hashes of few values: keys that have nothing in common have one hash.
struct FewHashes {
  unsigned bits;
  internal::RecordOrder record_order() const {
    internal::RecordOrder order = internal::HashOrder<std::string, std::uint64_t>::record_order();
    order.context = this;
    order.prefix = [](const std::byte* at, const std::byte* end, const void* context) -> std::uint64_t {
      return few(Codec<std::string>::decode(at, end), *static_cast<const FewHashes*>(context));
    };
    return order;
  }
  static std::uint64_t few(const std::string& key, const FewHashes& hashes) {
    return internal::hash_bytes(key) >> (64 - hashes.bits);
  }
};

TEST_P(SorterTest, SaysWhereKeysBegin) {
  for (const unsigned bits : {1u, 4u, 12u, 64u}) {
    const FewHashes hashes{bits};
    std::mt19937_64 random(bits);
    std::vector<Pair> values;
    for (std::uint64_t i = 0; i < 30000; ++i) {
      // Some keys come once, one a third of the time.
      const std::uint64_t key = random() % 3 == 0 ? 7 : random() % (i % 2 == 0 ? 500 : 100000);
      values.emplace_back("key " + std::to_string(key), i);
    }
    auto expected = values;
    std::stable_sort(expected.begin(), expected.end(), [&](auto& a, auto& b) {
      const std::uint64_t x = FewHashes::few(a.first, hashes);
      const std::uint64_t y = FewHashes::few(b.first, hashes);
      return x != y ? x < y : a.first < b.first;
    });
    Process process(GetParam());
    process.expect([&](TaskContext& task) {
      Sorter sorter(task, hashes.record_order());
      for (Block& block : blocks_of(values, 700)) sorter.add(std::move(block));
      std::size_t at = 0;
      const std::byte* batch[33];
      bool begins[33];
      for (std::size_t given; (given = sorter.next_grouped(batch, begins)) != 0;) {
        for (std::size_t i = 0; i < given; ++i, ++at) {
          ASSERT_LT(at, expected.size());
          const std::byte* record = batch[i];
          ASSERT_EQ(Codec<Pair>::decode(record, internal::measured()), expected[at]) << at;
          ASSERT_EQ(begins[i], at == 0 || expected[at - 1].first != expected[at].first) << at;
        }
      }
      EXPECT_EQ(at, expected.size());
    });
  }
}

TEST_P(SorterTest, RecordsLargerThanTheShare) {
  std::vector<std::string> values;
  for (int i = 0; i < 12; ++i)
    values.push_back(std::string(1500000, static_cast<char>('z' - i % 5)) + std::to_string(i));
  auto expected = values;
  std::sort(expected.begin(), expected.end());
  internal::Itself itself;
  internal::Ascending ascending;
  const internal::ElementOrder<std::string, internal::Itself, internal::Ascending> order{&itself, &ascending};
  Process process(GetParam());
  process.expect([&](TaskContext& task) {
    EXPECT_EQ(sort_in_task<std::string>(task, order.record_order(), blocks_of(values, 1)), expected);
  });
}

INSTANTIATE_TEST_SUITE_P(Budgets, SorterTest, ::testing::Values(std::uint64_t{256} << 10, mebi, 8 * mebi, 256 * mebi),
                         [](const auto& each) { return std::to_string(each.param >> 10) + "_KiB"; });

TEST(SorterTest, NothingAndOne) {
  internal::Itself itself;
  internal::Ascending ascending;
  const internal::ElementOrder<std::string, internal::Itself, internal::Ascending> order{&itself, &ascending};
  Process process;
  process.expect([&](TaskContext& task) {
    EXPECT_TRUE(sort_in_task<std::string>(task, order.record_order(), {}).empty());
    EXPECT_EQ(sort_in_task<std::string>(task, order.record_order(), blocks_of(std::vector<std::string>{"x"}, 1)),
              (std::vector<std::string>{"x"}));
  });
}

TEST(SorterTest, ABrokenRunIsALostInput) {
  Process process(mebi / 4);
  storage::FaultRule flip;
  flip.fault = storage::Fault::bit_flip;
  flip.operation = storage::FileOperation::read;
  process.files.add_rule(flip);
  const auto values = some_pairs(40000, 5);
  ByText by_text;
  internal::Ascending ascending;
  const internal::ElementOrder<Pair, ByText, internal::Ascending> order{&by_text, &ascending};
  const TaskResult result =
      process.run([&](TaskContext& task) { sort_in_task<Pair>(task, order.record_order(), blocks_of(values, 100)); });
  EXPECT_FALSE(result.succeeded);
  EXPECT_EQ(result.cause, Cause::lost_input) << result.message;
}

}  // namespace
}  // namespace millrace::exec
