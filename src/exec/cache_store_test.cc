#include "exec/cache_store.h"

#include <gtest/gtest.h>

#include "exec/testing.h"

namespace millrace::exec {
namespace {

using plan::CacheLevel;
using testing::Process;

constexpr std::uint64_t mebi = std::uint64_t{1} << 20;
constexpr NodeId node{7};

Output output_of(Process& process, std::uint64_t megabytes, char fill) {
  BlockWriter writer(process.blocks, 1, Placement::memory_then_files);
  for (std::uint64_t i = 0; i < megabytes * 16; ++i) {
    const std::string text(65536 - 3, fill);
    writer.wrote(0, Codec<std::string>::encode(text, writer.room(0, Codec<std::string>::size(text))));
  }
  writer.finish();
  return *writer.take();
}

void expect_content(Process& process, const Output& output, std::uint64_t megabytes, char fill) {
  std::uint64_t bytes = 0;
  StoredBlockStream stream([&](std::size_t size) { return process.memory.pages(size); }, output.partitions[0], &bytes);
  Block block;
  std::uint64_t count = 0;
  while (stream.next(block)) {
    Decoder in(block.bytes);
    while (!in.done()) {
      const auto text = in.get<std::string_view>();
      ASSERT_EQ(text.find_first_not_of(fill), text.npos);
      ++count;
    }
  }
  EXPECT_EQ(count, megabytes * 16);
}

TEST(CacheStoreTest, WhatIsPutIsThereUntilItIsDropped) {
  Process process(256 * mebi);
  EXPECT_EQ(process.cache.get(node, 0), nullptr);
  process.cache.put(node, 0, CacheLevel::memory, output_of(process, 1, 'a'));
  process.cache.put(node, 2, CacheLevel::memory, output_of(process, 2, 'b'));
  process.cache.put(NodeId{8}, 0, CacheLevel::memory, output_of(process, 1, 'c'));
  EXPECT_TRUE(process.cache.has(node, 0));
  EXPECT_FALSE(process.cache.has(node, 1));
  EXPECT_EQ(process.cache.partitions(node), 2u);
  EXPECT_EQ(process.cache.bytes(node), 3 * mebi);
  expect_content(process, *process.cache.get(node, 2), 2, 'b');
  process.cache.drop(node);
  EXPECT_EQ(process.cache.get(node, 0), nullptr);
  EXPECT_EQ(process.cache.partitions(node), 0u);
  EXPECT_EQ(process.cache.partitions(NodeId{8}), 1u);
}

TEST(CacheStoreTest, WhatWasBegunForAnotherDriverIsNotTaken) {
  Process process(256 * mebi);
  std::vector<std::uint32_t> gone;
  process.cache.set_observer([&](NodeId, std::uint32_t partition, std::optional<std::uint64_t> bytes) {
    if (!bytes) gone.push_back(partition);
  });
  const std::uint32_t before = process.cache.generation();
  process.cache.put(node, 0, CacheLevel::memory, output_of(process, 1, 'a'), before);
  process.cache.begin_anew();
  EXPECT_EQ(gone, std::vector<std::uint32_t>{0});
  EXPECT_EQ(process.cache.get(node, 0), nullptr);
  process.cache.put(node, 1, CacheLevel::memory, output_of(process, 1, 'b'), before);
  EXPECT_FALSE(process.cache.has(node, 1));
  process.cache.put(node, 1, CacheLevel::memory, output_of(process, 1, 'c'), process.cache.generation());
  expect_content(process, *process.cache.get(node, 1), 1, 'c');
}

TEST(CacheStoreTest, TheFirstToPutWins) {
  Process process(256 * mebi);
  process.cache.put(node, 0, CacheLevel::memory, output_of(process, 1, 'a'));
  process.cache.put(node, 0, CacheLevel::memory, output_of(process, 1, 'b'));
  expect_content(process, *process.cache.get(node, 0), 1, 'a');
}

TEST(CacheStoreTest, UnderPressureTheOldestGoesFirst) {
  Process process(64 * mebi);
  for (std::uint32_t p = 0; p < 4; ++p) process.cache.put(node, p, CacheLevel::memory, output_of(process, 4, 'a'));
  process.cache.get(node, 0);  // used last now
  const std::uint64_t left = process.memory.storage_limit() - process.memory.storage_used();
  ASSERT_TRUE(process.memory.try_reserve_storage(left + mebi));
  EXPECT_TRUE(process.cache.has(node, 0));
  EXPECT_FALSE(process.cache.has(node, 1));
  EXPECT_TRUE(process.cache.has(node, 2)) << "no more than is needed goes";
  process.memory.release_storage(left + mebi);
}

TEST(CacheStoreTest, WhatMayLieOnDiskMovesThere) {
  Process process(64 * mebi);
  for (std::uint32_t p = 0; p < 4; ++p) {
    process.cache.put(node, p, CacheLevel::memory_and_disk, output_of(process, 4, static_cast<char>('a' + p)));
  }
  const std::uint64_t before = process.memory.storage_used();
  ASSERT_TRUE(process.memory.try_reserve_storage(process.memory.storage_limit() - mebi));
  EXPECT_LT(process.memory.storage_used(), before + process.memory.storage_limit() - mebi);
  EXPECT_EQ(process.cache.partitions(node), 4u);
  for (std::uint32_t p = 0; p < 4; ++p) {
    expect_content(process, *process.cache.get(node, p), 4, static_cast<char>('a' + p));
  }
}

TEST(CacheStoreTest, WhatIsBeingReadStays) {
  Process process(64 * mebi);
  process.cache.put(node, 0, CacheLevel::memory, output_of(process, 8, 'a'));
  const auto reader = process.cache.get(node, 0);
  EXPECT_FALSE(process.memory.try_reserve_storage(process.memory.storage_limit()));
  EXPECT_TRUE(process.cache.has(node, 0));
  expect_content(process, *reader, 8, 'a');
}

// The disk is full when a partition should move there: its memory stays in use, or the partition is lost to be
// computed again, but nothing else may happen to the task that asked for memory.
TEST(CacheStoreTest, AFullDiskDoesNotHurtWhoAsksForMemory) {
  Process process(64 * mebi);
  process.cache.put(node, 0, CacheLevel::memory_and_disk, output_of(process, 8, 'a'));
  process.files.set_disk_space(0);
  EXPECT_NO_THROW(process.memory.try_reserve_storage(process.memory.storage_limit()));
  if (const auto kept = process.cache.get(node, 0)) expect_content(process, *kept, 8, 'a');
}

}  // namespace
}  // namespace millrace::exec
