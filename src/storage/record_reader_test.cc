#include "storage/record_reader.h"

#include <cstring>
#include <gtest/gtest.h>

#include "storage/compression.h"
#include "storage/faulty_file_system.h"
#include "storage/memory_file_system.h"
#include "storage/testing.h"

namespace millrace::storage {
namespace {

using testing::expect_error;
using testing::write_file;

std::string read(const FileSystem& files, const FileSplit& split, std::size_t record_bytes, std::size_t chunk,
                 std::string_view whole) {
  RecordReader reader(files, split, record_bytes, {chunk, {}});
  std::span<const std::byte> records;
  std::uint64_t offset = 0;
  std::string seen;
  while (reader.next(records, offset)) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(records.data()) % 64, 0u);
    EXPECT_EQ(records.size() % record_bytes, 0u);
    EXPECT_FALSE(records.empty());
    const std::string_view text(reinterpret_cast<const char*>(records.data()), records.size());
    EXPECT_EQ(text, whole.substr(offset, text.size()));
    seen += text;
  }
  return seen;
}

TEST(RecordReader, ARecordBelongsToTheSplitOfItsFirstByte) {
  MemoryFileSystem files;
  const std::string text = "aaabbbcccdddeeefff";
  write_file(files, "/x", text);
  for (const std::size_t chunk : {1u, 3u, 7u, 1000u}) {
    for (std::size_t begin = 0; begin <= text.size(); ++begin) {
      for (std::size_t end = begin; end <= text.size(); ++end) {
        std::string expected;
        for (std::size_t i = 0; i < text.size(); i += 3) {
          if (i >= begin && i < end) expected += text.substr(i, 3);
        }
        EXPECT_EQ(read(files, {"/x", begin, end, false}, 3, chunk, text), expected) << begin << " " << end;
      }
    }
    EXPECT_EQ(read(files, {"/x", 0, text.size(), true}, 3, chunk, text), text);
  }
  write_file(files, "/empty", "");
  EXPECT_EQ(read(files, {"/empty", 0, 0, true}, 3, 10, ""), "");
}

TEST(RecordReader, ReadsCompressedFilesWhole) {
  MemoryFileSystem files;
  const std::string text(700000, 'r');
  for (const Compression compression : {Compression::gzip, Compression::zstd}) {
    const auto file = compress(files.create("/x"), compression);
    file->write(testing::bytes_of(text));
    file->close();
    EXPECT_TRUE(read(files, {"/x", 0, 0, true}, 7, 1000, text) == text);
    expect_error(Cause::bad_data, {"/x", "byte 699993"}, [&] { read(files, {"/x", 0, 0, true}, 9, 1000, text); });
  }
}

TEST(RecordReader, AFileWithAPartOfARecordIsBadData) {
  MemoryFileSystem files;
  write_file(files, "/x", std::string(1001, 'x'));
  expect_error(Cause::bad_data, {"/x", "byte 1000"}, [&] { RecordReader(files, {"/x", 0, 500, false}, 100); });
}

TEST(RecordReader, AReadThatComesShortIsAnInputError) {
  MemoryFileSystem memory;
  write_file(memory, "/x", std::string(1000, 'x'));
  FaultyFileSystem files(memory, 3);
  RecordReader reader(files, {"/x", 0, 1000, false}, 10);
  files.add_rule({Fault::short_read, FileOperation::read});
  std::span<const std::byte> records;
  std::uint64_t offset = 0;
  expect_error(Cause::input, {"/x"}, [&] { reader.next(records, offset); });
}

}  // namespace
}  // namespace millrace::storage
