#include "exec/memory.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <thread>

namespace millrace::exec {
namespace {

constexpr std::uint64_t mebi = std::uint64_t{1} << 20;

TEST(MemoryTest, TasksShareWhatBlocksLeave) {
  Memory memory(256 * mebi, 4);
  const std::uint64_t all = memory.task_share() * 4;
  EXPECT_LE(all, 256 * mebi);
  EXPECT_GE(all, 200 * mebi);
  ASSERT_TRUE(memory.try_reserve_storage(40 * mebi));
  EXPECT_EQ(memory.task_share() * 4, all - 40 * mebi);
  memory.release_storage(40 * mebi);
  EXPECT_EQ(memory.task_share() * 4, all);
}

TEST(MemoryTest, BlocksTakeHalfAndNoMore) {
  Memory memory(64 * mebi, 2);
  EXPECT_TRUE(memory.try_reserve_storage(memory.storage_limit()));
  EXPECT_FALSE(memory.try_reserve_storage(1));
  EXPECT_GE(memory.task_share() * 2, memory.storage_limit());
  memory.release_storage(10);
  EXPECT_TRUE(memory.try_reserve_storage(10));
  EXPECT_FALSE(memory.try_reserve_storage(1));
}

TEST(MemoryTest, ListsLeaveLessForBlocksAndTasks) {
  Memory memory(64 * mebi, 2);
  const std::uint64_t tasks = memory.task_share() * 2;
  const std::uint64_t blocks = memory.storage_limit();
  memory.reserve_lists(10 * mebi);
  EXPECT_EQ(memory.task_share() * 2, tasks - 10 * mebi);
  EXPECT_EQ(memory.storage_limit(), blocks - 5 * mebi);
  EXPECT_FALSE(memory.try_reserve_storage(blocks));
  EXPECT_TRUE(memory.try_reserve_storage(blocks - 5 * mebi));
  EXPECT_EQ(memory.task_share() * 2, tasks - blocks - 5 * mebi);
  memory.reserve_lists(1000 * mebi);
  EXPECT_GE(memory.task_share() * 2, tasks / 5) << "tasks always have some";
  memory.release_lists(1010 * mebi);
  EXPECT_EQ(memory.task_share() * 2, tasks - blocks + 5 * mebi);
}

TEST(MemoryTest, BlocksLeaveWhatTasksHold) {
  Memory memory(64 * mebi, 1);
  const std::uint64_t all = memory.task_share();
  memory.task_reserved(static_cast<std::int64_t>(all));
  EXPECT_FALSE(memory.try_reserve_storage(mebi));
  memory.task_reserved(-static_cast<std::int64_t>(2 * mebi));
  EXPECT_TRUE(memory.try_reserve_storage(mebi));
}

TEST(MemoryTest, TheEvictorIsAskedWhenStorageIsShort) {
  Memory memory(64 * mebi, 1);
  std::uint64_t asked = 0;
  bool can_free = true;
  memory.set_evictor([&](std::uint64_t bytes) {
    asked += bytes;
    if (can_free) memory.release_storage(bytes);
    return can_free;
  });
  ASSERT_TRUE(memory.try_reserve_storage(memory.storage_limit()));
  EXPECT_EQ(asked, 0u);
  EXPECT_TRUE(memory.try_reserve_storage(mebi));
  EXPECT_EQ(asked, mebi);
  can_free = false;
  EXPECT_FALSE(memory.try_reserve_storage(mebi));
  EXPECT_EQ(memory.storage_used(), memory.storage_limit());
}

TEST(MemoryTest, PagesAreWholeAndAligned) {
  Memory memory(64 * mebi, 1);
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4096}, std::size_t{70000}, std::size_t{3000000}}) {
    const std::size_t rounded = Memory::rounded_size(bytes);
    EXPECT_GE(rounded, bytes);
    EXPECT_EQ(rounded % 4096, 0u);
    EXPECT_EQ(Memory::rounded_size(rounded), rounded);
    std::byte* data = memory.take(rounded);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(data) % 4096, 0u);
    std::memset(data, 1, rounded);
    memory.give_back(data, rounded);
    EXPECT_EQ(memory.take(rounded), data) << "what was given back is handed out again";
    memory.give_back(data, rounded);
  }
}

// Pieces of all sizes are taken and given back in any order; none of those that are held at once may overlap.
TEST(MemoryTest, PiecesNeverOverlap) {
  constexpr unsigned seed = 11;
  std::mt19937_64 random(seed);
  Memory memory(64 * mebi, 1);
  struct Piece {
    std::byte* data;
    std::size_t size;
    int mark;
  };
  std::vector<Piece> held;
  std::size_t total = 0;
  for (int i = 0; i < 5000; ++i) {
    if (held.empty() || (random() % 2 == 0 && total < 100 * mebi)) {
      const std::size_t size = Memory::rounded_size(std::size_t{1} << (random() % 24));
      std::byte* data = memory.take(size);
      std::memset(data, i & 255, 64);
      std::memset(data + size - 64, i & 255, 64);
      held.push_back({data, size, i & 255});
      total += size;
    } else {
      const std::size_t at = random() % held.size();
      const Piece piece = held[at];
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
      for (std::size_t b = 0; b < 64; ++b) {
        ASSERT_EQ(std::to_integer<int>(piece.data[b]), piece.mark) << "seed " << seed << " step " << i;
        ASSERT_EQ(std::to_integer<int>(piece.data[piece.size - 1 - b]), piece.mark) << "seed " << seed << " step " << i;
      }
      memory.give_back(piece.data, piece.size);
      total -= piece.size;
    }
  }
  for (const Piece& piece : held) memory.give_back(piece.data, piece.size);
}

TEST(MemoryTest, ThreadsShareIt) {
  Memory memory(64 * mebi, 4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&memory, t] {
      for (int i = 0; i < 500; ++i) {
        const std::size_t size = Memory::rounded_size(static_cast<std::size_t>(i * 10000 + 1));
        std::byte* data = memory.take(size);
        *data = static_cast<std::byte>(t);
        if (memory.try_reserve_storage(size)) memory.release_storage(size);
        EXPECT_EQ(std::to_integer<int>(*data), t);
        memory.give_back(data, size);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(memory.storage_used(), 0u);
}

}  // namespace
}  // namespace millrace::exec
