#include <millrace/millrace.h>

#include "dataset_test.h"

namespace millrace::testing {
namespace {

constexpr std::uint64_t elements = 1000;
const std::string expected_line(200, 'v');

class Persistence : public DatasetTest {
 protected:
  Accumulator<std::uint64_t> made = context.accumulator<std::uint64_t>();

  // Counts how often an element is computed.
  auto counted() {
    return context.generate(
        elements,
        [count = made](std::uint64_t i) {
          count.add(1);
          return std::pair<std::uint64_t, std::string>(i, expected_line);
        },
        4);
  }
};
MILLRACE_ALL_SHAPES(Persistence);

TEST_P(Persistence, WhatIsNotKeptIsComputedEachTime) {
  const auto dataset = counted();
  dataset.count();
  dataset.count();
  EXPECT_EQ(made.value(), 2 * elements);
}

TEST_P(Persistence, EveryLevelComputesOnceAndGivesTheSame) {
  const auto once = counted().collect();
  std::uint64_t computed = elements;
  for (const Persist level : {Persist::memory, Persist::memory_and_disk, Persist::disk}) {
    const auto kept = counted().persist(level);
    EXPECT_EQ(made.value(), computed) << "nothing is computed before an action asks for it";
    EXPECT_EQ(kept.collect(), once);
    computed += elements;
    EXPECT_EQ(made.value(), computed);
    EXPECT_EQ(kept.collect(), once);
    EXPECT_EQ(kept.count(), elements);
    EXPECT_EQ(kept.keys().sum(), elements * (elements - 1) / 2);
    EXPECT_EQ(made.value(), computed) << static_cast<int>(level);
    EXPECT_NE(kept.explain().find("4 of 4 partitions"), std::string::npos) << kept.explain();
  }
}

TEST_P(Persistence, UnpersistDropsWhatIsKept) {
  const auto kept = counted().cache();
  kept.count();
  kept.unpersist();
  EXPECT_NE(kept.explain().find("0 of 4 partitions"), std::string::npos) << kept.explain();
  EXPECT_EQ(kept.count(), elements);
  EXPECT_EQ(made.value(), 2 * elements);
  EXPECT_EQ(kept.count(), elements);
  EXPECT_EQ(made.value(), 2 * elements);
}

TEST_P(Persistence, TheCacheEndsWithItsLastDataset) {
  {
    const auto kept = counted().persist(Persist::disk);
    kept.count();
  }
  EXPECT_TRUE(names_in(workspace.tmp()).empty());
  EXPECT_EQ(counted().count(), elements);
}

TEST_P(Persistence, TakeKeepsNoPartOfAPartition) {
  const auto kept = counted().cache();
  EXPECT_EQ(kept.take(3).size(), 3u);
  EXPECT_NE(kept.explain().find("0 of 4 partitions"), std::string::npos) << kept.explain();
  EXPECT_EQ(kept.collect().size(), elements);
}

TEST_P(Persistence, OperationsOnACacheReadIt) {
  const auto kept = counted().cache();
  auto parity = [](const auto& pair) { return std::pair(pair.first % 2, std::uint64_t{1}); };
  for (int pass = 0; pass < 3; ++pass) {
    const auto counts = sorted(kept.map(parity).reduce_by_key(std::plus<>{}, 2).collect());
    EXPECT_EQ(counts, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 500}, {1, 500}}));
  }
  EXPECT_EQ(made.value(), elements);
  EXPECT_EQ(kept.join(kept, 2).count(), elements);
  // The shuffles of a join may need the memory that the cache has.
  const bool ample = GetParam().memory_bytes >= std::uint64_t{64} << 20;
  EXPECT_LE(made.value(), ample ? elements : 3 * elements);
}

TEST_P(Persistence, ViewsOfTheInputAreKept) {
  const auto in = workspace.write("in", "one\ntwo\n");
  const auto kept = context.read_text(in).map([](std::string_view line) { return line.substr(1); }).cache();
  EXPECT_EQ(kept.collect(), (std::vector<std::string>{"ne", "wo"}));
  std::filesystem::remove(in);
  EXPECT_EQ(kept.collect(), (std::vector<std::string>{"ne", "wo"}));
}

TEST_P(Persistence, EmptyPartitionsAreKeptToo) {
  const auto none = counted().filter([](const auto&) { return false; }).cache();
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(made.value(), elements);
}

// 8 MB of cached values where tasks and blocks may have a few: partitions that do not fit are computed again, or read
// back, and the result is the same.
TEST_P(Persistence, WhatDoesNotFitIsComputedAgainOrReadBack) {
  Options little = options();
  little.memory_bytes = std::uint64_t{3} << 20;
  const Context small(little);
  auto line = [](std::uint64_t i) { return std::string(8000, static_cast<char>('a' + i % 26)); };
  const auto source = small.generate(1000, line, 20);
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) sum += 8000 * ('a' + i % 26);
  auto add = [](std::uint64_t total, std::string_view text) {
    for (const char c : text) total += static_cast<unsigned char>(c);
    return total;
  };
  for (const Persist level : {Persist::memory, Persist::memory_and_disk, Persist::disk}) {
    const auto kept = source.persist(level);
    for (int pass = 0; pass < 3; ++pass) EXPECT_EQ(kept.aggregate(std::uint64_t{0}, add, std::plus<>{}), sum);
    const bool all = kept.explain().find("20 of 20 partitions") != std::string::npos;
    EXPECT_EQ(all, level != Persist::memory) << kept.explain();
    EXPECT_EQ(kept.sort({}, 3).first(), line(0));
  }
}

TEST_P(Persistence, ACheckpointIsWhereLineageBegins) {
  const auto saved = counted().checkpoint();
  EXPECT_EQ(made.value(), elements);
  EXPECT_EQ(saved.count(), elements);
  EXPECT_EQ(saved.collect().back(), (std::pair(elements - 1, expected_line)));
  EXPECT_EQ(made.value(), elements);
  EXPECT_EQ(saved.explain().find("generate"), std::string::npos) << saved.explain();
}

TEST_P(Persistence, CheckpointsGoWithTheContext) {
  {
    const Context inner(options());
    const auto in = workspace.write("in", "a\nb\n");
    const auto saved = inner.read_text(in).checkpoint();
    std::filesystem::remove(in);
    EXPECT_EQ(saved.collect(), (std::vector<std::string>{"a", "b"}));
    EXPECT_FALSE(names_in(workspace.tmp()).empty());
  }
  EXPECT_TRUE(names_in(workspace.tmp()).empty());
}

TEST_P(Persistence, SavedDatasetsAreLoadedAsTheSameType) {
  const auto once = counted().collect();
  counted().save(workspace.path("saved"));
  using Pair = std::pair<std::uint64_t, std::string>;
  EXPECT_EQ(context.load<Pair>(workspace.path("saved")).collect(), once);
  using View = std::pair<std::uint64_t, std::string_view>;
  EXPECT_EQ(context.load<View>(workspace.path("saved")).map([](View pair) { return pair.second.size(); }).sum(),
            200 * elements);
  expect_error(Cause::bad_data, {workspace.path("saved")},
               [&] { context.load<std::pair<std::uint64_t, double>>(workspace.path("saved")).count(); });
}

TEST_P(Persistence, EmptyDatasetsAreSaved) {
  context.parallelize(std::vector<std::string>{}, 2).save(workspace.path("saved"));
  EXPECT_EQ(context.load<std::string>(workspace.path("saved")).count(), 0u);
}

}  // namespace
}  // namespace millrace::testing
