#include "storage/spill_file.h"

#include <gtest/gtest.h>
#include <random>
#include <thread>

#include "storage/faulty_file_system.h"
#include "storage/local_file_system.h"
#include "storage/memory_file_system.h"
#include "storage/testing.h"

namespace millrace::storage {
namespace {

using testing::bytes_of;
using testing::expect_error;

std::vector<std::byte> random_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

std::vector<std::byte> text_bytes(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>('a' + i / 7 % 5);
  return bytes;
}

TEST(SpillFile, ReadsBackBlocksOfEverySize) {
  testing::TemporaryDirectory directory;
  SpillFile spill(local_file_system(), directory.path());
  std::vector<std::pair<BlockRef, std::vector<std::byte>>> blocks;
  for (const std::size_t size : {0u, 1u, 63u, 64u, 1000u, 65536u, 1000000u}) {
    for (auto& bytes : {random_bytes(size, size), text_bytes(size)}) blocks.emplace_back(spill.append(bytes), bytes);
  }
  std::vector<std::byte> into(5);
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    EXPECT_EQ(block->first.raw_bytes, block->second.size());
    spill.read(block->first, into);
    EXPECT_TRUE(into == block->second);
  }
  EXPECT_LT(blocks.back().first.stored_bytes, blocks.back().first.raw_bytes / 10) << "text is compressed";
  EXPECT_EQ(blocks[12].first.stored_bytes, blocks[12].first.raw_bytes + 8) << "what does not compress is stored";
  EXPECT_GT(spill.raw_bytes(), spill.stored_bytes());
}

TEST(SpillFile, LeavesNoNameBehindWhileItLives) {
  testing::TemporaryDirectory directory;
  SpillFile spill(local_file_system(), directory.path());
  const BlockRef block = spill.append(bytes_of("something"));
  EXPECT_TRUE(local_file_system().list(directory.path()).empty());
  std::vector<std::byte> into;
  spill.read(block, into);
  EXPECT_EQ(into.size(), 9u);
}

TEST(SpillFile, LeavesNothingBehindWhenItCannotBeOpened) {
  MemoryFileSystem memory;
  FaultyFileSystem files(memory);
  files.add_rule({Fault::error, FileOperation::open});
  expect_error(Cause::input, {"/.millrace-spill-"}, [&] { SpillFile(files, "/"); });
  EXPECT_TRUE(memory.list("/").empty());
  expect_error(Cause::output, {"/none/.millrace-shuffle-"}, [&] { SpillFile(memory, "/none", "shuffle"); });
}

TEST(SpillFile, ManyThreadsReadWhileOneAppends) {
  testing::TemporaryDirectory directory;
  SpillFile spill(local_file_system(), directory.path());
  const auto bytes = text_bytes(10000);
  const BlockRef first = spill.append(bytes);
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      std::vector<std::byte> into;
      for (int i = 0; i < 200; ++i) {
        spill.read(first, into);
        EXPECT_TRUE(into == bytes);
      }
    });
  }
  for (int i = 0; i < 200; ++i) spill.append(bytes);
  for (std::thread& reader : readers) reader.join();
}

TEST(SpillFile, EveryFlippedBitIsFoundOnReading) {
  MemoryFileSystem memory;
  FaultyFileSystem files(memory, 11);
  SpillFile spill(files, "/");
  std::vector<std::byte> into;
  for (const auto& bytes : {text_bytes(3000), random_bytes(3000, 1)}) {
    const BlockRef block = spill.append(bytes);
    const std::string at = "at byte " + std::to_string(block.offset) + " of ";
    for (const Fault fault : {Fault::bit_flip, Fault::short_read, Fault::error}) {
      for (int i = 0; i < 300; ++i) {
        files.add_rule({fault, FileOperation::read, "", 0, 1});
        expect_error(Cause::lost_input, {at, spill.path()}, [&] { spill.read(block, into); });
        files.heal();
      }
    }
    spill.read(block, into);
    EXPECT_TRUE(into == bytes);
  }
}

TEST(SpillFile, ABitFlippedOnTheWayToDiskIsFound) {
  MemoryFileSystem memory;
  FaultyFileSystem files(memory, 5);
  SpillFile spill(files, "/");
  files.add_rule({Fault::bit_flip, FileOperation::write, "", 0, 1});
  const BlockRef bad = spill.append(text_bytes(5000));
  const BlockRef good = spill.append(text_bytes(5000));
  std::vector<std::byte> into;
  expect_error(Cause::lost_input, {"checksum"}, [&] { spill.read(bad, into); });
  spill.read(good, into);
  EXPECT_TRUE(into == text_bytes(5000));
}

TEST(SpillFile, ABlockReadAtAnotherPlaceDoesNotPass) {
  MemoryFileSystem memory;
  SpillFile spill(memory, "/");
  const auto bytes = random_bytes(100, 9);
  BlockRef first = spill.append(bytes);
  const BlockRef second = spill.append(bytes);
  EXPECT_EQ(first.stored_bytes, second.stored_bytes);
  std::vector<std::byte> into;
  first.raw_bytes = 99;
  expect_error(Cause::lost_input, {}, [&] { spill.read(first, into); });
  first.raw_bytes = 100;
  first.offset = 1;
  expect_error(Cause::lost_input, {}, [&] { spill.read(first, into); });
}

TEST(SpillFile, AFullDiskIsSaidAndLaterAppendsAreRefused) {
  MemoryFileSystem memory;
  FaultyFileSystem files(memory);
  SpillFile spill(files, "/");
  const BlockRef kept = spill.append(random_bytes(100, 1));
  files.set_disk_space(50);
  expect_error(Cause::out_of_disk, {spill.path()}, [&] { spill.append(random_bytes(100, 2)); });
  files.heal();
  expect_error(Cause::internal, {spill.path()}, [&] { spill.append(random_bytes(100, 2)); });
  std::vector<std::byte> into;
  spill.read(kept, into);
  EXPECT_TRUE(into == random_bytes(100, 1));
}

}  // namespace
}  // namespace millrace::storage
