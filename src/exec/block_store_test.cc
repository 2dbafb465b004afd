#include "exec/block_store.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>

#include "exec/testing.h"

namespace millrace::exec {
namespace {

using testing::Process;

constexpr std::uint64_t mebi = std::uint64_t{1} << 20;

void put(BlockWriter& writer, std::uint32_t partition, const std::string& text) {
  std::byte* at = writer.room(partition, Codec<std::string>::size(text));
  writer.wrote(partition, Codec<std::string>::encode(text, at));
}

std::vector<std::string> read(Process& process, const std::vector<StoredBlock>& blocks) {
  std::vector<std::string> out;
  std::uint64_t bytes = 0;
  StoredBlockStream stream([&](std::size_t size) { return process.memory.pages(size); }, blocks, &bytes);
  Block block;
  while (stream.next(block)) {
    Decoder in(block.bytes);
    while (!in.done()) out.push_back(in.get<std::string>());
  }
  std::uint64_t expected = 0;
  for (const StoredBlock& each : blocks) expected += each.bytes();
  EXPECT_EQ(bytes, expected);
  return out;
}

std::string text_of(std::uint64_t i) { return std::string(i * i % 3000, static_cast<char>('a' + i % 26)); }

class Placements : public ::testing::TestWithParam<Placement> {};

TEST_P(Placements, EachPartitionComesBackInOrder) {
  for (const std::uint64_t budget : {mebi, 4 * mebi, 256 * mebi}) {
    Process process(budget);
    {
      BlockWriter writer(process.blocks, 5, GetParam());
      std::vector<std::vector<std::string>> expected(5);
      for (std::uint64_t i = 0; i < 3000; ++i) {
        const auto partition = static_cast<std::uint32_t>(i * i % 5);
        put(writer, partition, text_of(i));
        expected[partition].push_back(text_of(i));
      }
      writer.finish();
      auto output = writer.take();
      if (GetParam() == Placement::memory_only && budget < 256 * mebi) {
        EXPECT_FALSE(output.has_value()) << "there is no room in memory, and nothing may lie elsewhere";
        continue;
      }
      ASSERT_TRUE(output.has_value());
      EXPECT_EQ(output->records, 3000u);
      ASSERT_EQ(output->partitions.size(), 5u);
      for (std::size_t p = 0; p < 5; ++p) EXPECT_EQ(read(process, output->partitions[p]), expected[p]) << p;
      if (GetParam() == Placement::files_only) {
        EXPECT_EQ(output->spilled_bytes, output->bytes);
      }
      if (GetParam() == Placement::memory_only) {
        EXPECT_EQ(output->spilled_bytes, 0u);
      }
      if (budget == mebi) {
        EXPECT_GT(output->spilled_bytes, 0u);
      }
    }
    EXPECT_EQ(process.memory.storage_used(), 0u) << "blocks give their memory back";
  }
}

TEST_P(Placements, NothingWritten) {
  Process process;
  BlockWriter writer(process.blocks, 3, GetParam());
  writer.finish();
  const auto output = writer.take();
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->bytes, 0u);
  for (const auto& blocks : output->partitions) EXPECT_TRUE(blocks.empty());
}

TEST_P(Placements, ElementsLargerThanABuffer) {
  Process process;
  BlockWriter writer(process.blocks, 2, GetParam());
  const std::string large(5000000, 'x');
  put(writer, 0, "before");
  put(writer, 0, large);
  put(writer, 0, "after");
  writer.finish();
  const auto output = writer.take();
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(read(process, output->partitions[0]), (std::vector<std::string>{"before", large, "after"}));
}

INSTANTIATE_TEST_SUITE_P(BlockStore, Placements,
                         ::testing::Values(Placement::memory_then_files, Placement::memory_only, Placement::files_only),
                         [](const auto& each) {
                           return each.param == Placement::memory_then_files ? "memory_then_files"
                                  : each.param == Placement::memory_only     ? "memory_only"
                                                                             : "files_only";
                         });

TEST(BlockStoreTest, TheFileCarrierKeepsNothingInMemory) {
  Process process(64 * mebi, 1, Carrier::files);
  BlockWriter writer(process.blocks, 1, Placement::memory_then_files);
  put(writer, 0, "x");
  writer.finish();
  const auto output = writer.take();
  EXPECT_EQ(output->spilled_bytes, output->bytes);
  EXPECT_EQ(process.memory.storage_used(), 0u);
  EXPECT_EQ(read(process, output->partitions[0]), (std::vector<std::string>{"x"}));
}

TEST(BlockStoreTest, WrongExpectationsDoNoHarm) {
  Process process;
  BlockWriter writer(process.blocks, 3, Placement::memory_then_files);
  writer.expect({10, 0, 100000000});
  std::vector<std::string> expected;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    put(writer, 1, text_of(i));
    put(writer, 0, text_of(i));
    expected.push_back(text_of(i));
  }
  put(writer, 2, "one");
  writer.finish();
  const auto output = writer.take();
  EXPECT_EQ(read(process, output->partitions[0]), expected);
  EXPECT_EQ(read(process, output->partitions[1]), expected);
  EXPECT_EQ(read(process, output->partitions[2]), (std::vector<std::string>{"one"}));
}

TEST(BlockStoreTest, ABlockOutlivesItsWriterAndOutput) {
  Process process;
  std::vector<StoredBlock> kept;
  {
    BlockWriter writer(process.blocks, 1, Placement::memory_then_files);
    put(writer, 0, "kept");
    writer.finish();
    kept = writer.take()->partitions[0];
  }
  EXPECT_EQ(read(process, kept), (std::vector<std::string>{"kept"}));
}

TEST(BlockStoreTest, AChangedFileIsALostInput) {
  Process process(64 * mebi, 1, Carrier::files);
  storage::FaultRule flip;
  flip.fault = storage::Fault::bit_flip;
  flip.operation = storage::FileOperation::write;
  process.files.add_rule(flip);
  BlockWriter writer(process.blocks, 1, Placement::files_only);
  put(writer, 0, std::string(10000, 'x'));
  writer.finish();
  const auto output = writer.take();
  try {
    read(process, output->partitions[0]);
    FAIL() << "a changed bit was not seen";
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), Cause::lost_input) << error.what();
  }
}

TEST(BlockStoreTest, AFullDiskIsSaid) {
  Process process(64 * mebi, 1, Carrier::files);
  process.files.set_disk_space(100000);
  BlockWriter writer(process.blocks, 1, Placement::files_only);
  std::mt19937_64 random(3);
  try {
    for (int i = 0; i < 1000; ++i) {
      std::string text(1000, ' ');
      for (char& c : text) c = static_cast<char>(random());
      put(writer, 0, text);
    }
    writer.finish();
    FAIL() << "a megabyte went into a tenth of it";
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), Cause::out_of_disk) << error.what();
  }
}

TEST(BlockStoreTest, NoFilesAreLeft) {
  Process process(mebi);
  {
    BlockWriter writer(process.blocks, 2, Placement::files_only);
    put(writer, 0, "x");
    writer.finish();
  }
  EXPECT_TRUE(process.base_files.list("/tmp").empty());
}

}  // namespace
}  // namespace millrace::exec
