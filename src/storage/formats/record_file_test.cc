#include "storage/formats/record_file.h"

#include <gtest/gtest.h>
#include <random>

#include "storage/faulty_file_system.h"
#include "storage/memory_file_system.h"
#include "storage/testing.h"

namespace millrace::storage {
namespace {

using testing::bytes_of;
using testing::expect_error;
using testing::read_file;
using testing::write_file;

/// Elements that end with a newline, so that a test can tell them apart.
std::vector<std::string> sample(std::size_t count, std::size_t longest, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::string> elements(count);
  for (std::string& element : elements) {
    element = std::string(random() % longest, static_cast<char>('a' + random() % 4)) + std::to_string(random()) + "\n";
  }
  return elements;
}

void write_records(FileSystem& files, const std::string& path, const std::vector<std::string>& elements,
                   BlockCodec codec) {
  RecordFileWriter writer(files.create(path), "text", codec, 7);
  for (const std::string& element : elements) writer.add(bytes_of(element));
  EXPECT_EQ(writer.records(), elements.size());
  writer.close();
  writer.close();
}

std::vector<std::string> read_records(const FileSystem& files, const FileSplit& split) {
  RecordFileReader reader(files, split);
  RecordBlock block;
  std::vector<std::string> elements;
  while (reader.next(block)) {
    const std::string_view text(reinterpret_cast<const char*>(block.bytes.data()), block.bytes.size());
    const std::size_t before = elements.size();
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin) + 1;
      elements.emplace_back(text.substr(begin, end - begin));
      begin = end;
    }
    EXPECT_EQ(elements.size() - before, block.records);
    if (!split.whole) {
      EXPECT_GE(block.offset, split.begin);
      EXPECT_LT(block.offset, split.end);
    }
  }
  return elements;
}

class RecordFileTest : public ::testing::TestWithParam<BlockCodec> {
 protected:
  MemoryFileSystem files_;
};

INSTANTIATE_TEST_SUITE_P(All, RecordFileTest, ::testing::Values(BlockCodec::none, BlockCodec::lz4, BlockCodec::zstd),
                         [](const auto& kind) { return name(kind.param); });

TEST_P(RecordFileTest, RoundTripsAndTellsItsCounts) {
  for (const std::size_t count : {0u, 1u, 3u, 30000u}) {
    const auto elements = sample(count, 100, count);
    write_records(files_, "/x", elements, GetParam());
    EXPECT_EQ(read_records(files_, {"/x", 0, 0, true}), elements);
    const RecordFileInfo info = inspect_record_file(*files_.open("/x"));
    EXPECT_EQ(info.type_name, "text");
    EXPECT_EQ(info.flags, 7);
    EXPECT_EQ(info.records, count);
    EXPECT_EQ(info.file_bytes, read_file(files_, "/x").size());
    std::uint64_t raw = 0;
    for (const std::string& element : elements) raw += element.size();
    EXPECT_EQ(info.raw_bytes, raw);
    for (const RecordBlockEntry& block : info.blocks) EXPECT_LE(block.raw_bytes, RecordFileWriter::block_bytes);
    const bool compresses = count > 1000 && GetParam() != BlockCodec::none;
    EXPECT_EQ(info.file_bytes < raw * 3 / 4, compresses);
  }
}

TEST_P(RecordFileTest, ElementsOfNoBytesAndOfMany) {
  std::vector<std::string> elements = {"\n", std::string(3 << 20, 'x') + "\n", "\n", std::string(300000, 'y') + "\n"};
  write_records(files_, "/x", elements, GetParam());
  EXPECT_EQ(read_records(files_, {"/x", 0, 0, true}), elements);
  RecordFileWriter writer(files_.create("/empty"), "", GetParam());
  for (int i = 0; i < 5; ++i) writer.add({});
  writer.close();
  RecordFileReader reader(files_, {"/empty", 0, 0, true});
  RecordBlock block;
  ASSERT_TRUE(reader.next(block));
  EXPECT_EQ(block.records, 5u);
  EXPECT_TRUE(block.bytes.empty());
}

TEST_P(RecordFileTest, EveryCuttingIntoSplitsGivesEveryBlockOnce) {
  const auto elements = sample(20000, 200, 3);
  write_records(files_, "/x", elements, GetParam());
  const std::uint64_t size = read_file(files_, "/x").size();
  for (const std::uint64_t split : {std::uint64_t{1000}, std::uint64_t{77777}, std::uint64_t{300000}, size}) {
    std::vector<std::string> seen;
    for (std::uint64_t begin = 0; begin < size; begin += split) {
      for (auto& element : read_records(files_, {"/x", begin, std::min(begin + split, size), false})) {
        seen.push_back(std::move(element));
      }
    }
    EXPECT_EQ(seen, elements);
  }
}

TEST_P(RecordFileTest, EveryFlippedBitAndEveryTruncationIsBadData) {
  const auto elements = sample(20, 30, 4);
  write_records(files_, "/x", elements, GetParam());
  const std::string good = read_file(files_, "/x");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string broken = good;
    broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << bit % 8));
    write_file(files_, "/x", broken);
    expect_error(Cause::bad_data, {"/x", "byte"}, [&] { read_records(files_, {"/x", 0, 0, true}); });
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    write_file(files_, "/x", good.substr(0, size));
    expect_error(Cause::bad_data, {"/x", "byte"}, [&] { read_records(files_, {"/x", 0, 0, true}); });
  }
  write_file(files_, "/x", good + good);
  expect_error(Cause::bad_data, {"/x", "byte"}, [&] { read_records(files_, {"/x", 0, 0, true}); });
}

TEST_P(RecordFileTest, AFileThatWasNotClosedIsBadData) {
  RecordFileWriter writer(files_.create("/x"), "text", GetParam());
  for (const std::string& element : sample(50000, 100, 5)) writer.add(bytes_of(element));
  expect_error(Cause::bad_data, {"/x", "not closed"}, [&] { RecordFileReader(files_, {"/x", 0, 0, true}); });
}

TEST_P(RecordFileTest, AReadThatFailsOrFlipsABitIsSeen) {
  write_records(files_, "/x", sample(2000, 100, 6), GetParam());
  for (std::uint64_t call = 0; call < 5; ++call) {
    for (const Fault fault : {Fault::error, Fault::bit_flip, Fault::short_read}) {
      FaultyFileSystem faulty(files_, call);
      faulty.add_rule({fault, FileOperation::read, "", call, 1});
      expect_error(fault == Fault::error ? Cause::input : Cause::bad_data, {"/x"}, [&] {
        read_records(faulty, {"/x", 0, 0, true});
      });
    }
  }
}

TEST_P(RecordFileTest, AFullDiskIsSaid) {
  FaultyFileSystem faulty(files_);
  faulty.set_disk_space(1000);
  expect_error(Cause::out_of_disk, {"/x"}, [&] { write_records(faulty, "/x", sample(5000, 100, 7), GetParam()); });
}

TEST(RecordFile, OtherFilesAreToldApart) {
  MemoryFileSystem files;
  write_file(files, "/x", "some text that is long enough to hold a header and a trailer of a record file, or so");
  expect_error(Cause::bad_data, {"/x is not a record file"}, [&] { inspect_record_file(*files.open("/x")); });
  EXPECT_FALSE(is_record_file(bytes_of("text")));
  EXPECT_TRUE(is_record_file(bytes_of("\x93MLRREC\nand more")));
}

TEST(RecordFile, AnOverlongTypeNameIsAUsageError) {
  MemoryFileSystem files;
  expect_error(Cause::usage, {"/x"}, [&] { RecordFileWriter(files.create("/x"), std::string(5000, 'T')); });
}

}  // namespace
}  // namespace millrace::storage
