#include "storage/compression.h"

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

std::string compressed(const std::string& text, Compression compression, std::size_t write_bytes = 1000) {
  MemoryFileSystem files;
  const auto file = compress(files.create("/x"), compression);
  for (std::size_t i = 0; i < text.size(); i += write_bytes) file->write(bytes_of(text.substr(i, write_bytes)));
  EXPECT_EQ(file->size(), text.size());
  file->close();
  return read_file(files, "/x");
}

std::string decompressed(const FileSystem& files, const std::string& path, std::size_t read_bytes = 70000) {
  const auto stream = open_stream(files, path);
  std::string text;
  std::string into(read_bytes, '\0');
  while (const std::size_t count = stream->read(std::as_writable_bytes(std::span(into)))) text.append(into, 0, count);
  FileInfo info;
  files.stat(path, info);
  EXPECT_EQ(stream->consumed(), info.size);
  return text;
}

std::string sample_text(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string text;
  while (text.size() < size) text += "word" + std::to_string(random() % 1000) + (random() % 9 == 0 ? '\n' : ' ');
  text.resize(size);
  return text;
}

class CompressionTest : public ::testing::TestWithParam<Compression> {
 protected:
  std::string pack(const std::string& text) { return compressed(text, GetParam()); }
  MemoryFileSystem files_;
};

INSTANTIATE_TEST_SUITE_P(All, CompressionTest, ::testing::Values(Compression::gzip, Compression::zstd),
                         [](const auto& kind) { return name(kind.param); });

TEST_P(CompressionTest, RoundTrips) {
  for (const std::size_t size : {0u, 1u, 1000u, 131072u, 1000000u}) {
    const std::string text = sample_text(size, size);
    write_file(files_, "/x", pack(text));
    EXPECT_EQ(detect_compression(*files_.open("/x")), GetParam());
    for (const std::size_t read_bytes : {std::size_t{7}, std::size_t{70000}, size + 10}) {
      EXPECT_TRUE(decompressed(files_, "/x", read_bytes) == text) << size;
    }
  }
}

TEST_P(CompressionTest, TheSameBytesGiveTheSameFile) {
  const std::string text = sample_text(300000, 1);
  EXPECT_TRUE(pack(text) == pack(text));
}

TEST_P(CompressionTest, StreamsThatFollowEachOtherAreOne) {
  const std::string a = sample_text(200000, 1);
  const std::string b = sample_text(100, 2);
  write_file(files_, "/x", pack(a) + pack("") + pack(b));
  EXPECT_TRUE(decompressed(files_, "/x") == a + b);
}

TEST_P(CompressionTest, EveryTruncationIsBadData) {
  const std::string text = sample_text(5000, 3);
  const std::string packed = pack(text) + pack(text);
  const std::size_t boundary = packed.size() / 2;
  for (std::size_t size = 4; size < packed.size(); ++size) {
    if (size == boundary) continue;
    write_file(files_, "/x", packed.substr(0, size));
    expect_error(Cause::bad_data, {"/x", "at byte", name(GetParam())}, [&] { decompressed(files_, "/x"); });
  }
}

TEST_P(CompressionTest, FlippedBitsNeverGiveOtherText) {
  const std::string text = sample_text(3000, 4);
  const std::string packed = pack(text);
  for (std::size_t bit = 32; bit < packed.size() * 8; bit += 3) {
    std::string broken = packed;
    broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << bit % 8));
    write_file(files_, "/x", broken);
    try {
      // Some header bits (gzip's time stamp) carry nothing.
      EXPECT_TRUE(decompressed(files_, "/x") == text) << bit;
    } catch (const Error& error) {
      EXPECT_EQ(error.cause(), Cause::bad_data);
    }
  }
}

TEST_P(CompressionTest, WhatComesBeforeTheBreakIsDeliveredFirst) {
  const std::string text = sample_text(400000, 5);
  const std::string packed = pack(text);
  write_file(files_, "/x", packed.substr(0, packed.size() - 1));
  const auto stream = open_stream(files_, "/x");
  std::string into(text.size() - 100000, '\0');
  EXPECT_EQ(read_fully(*stream, std::as_writable_bytes(std::span(into))), into.size());
  EXPECT_TRUE(into == text.substr(0, into.size()));
  std::string rest(text.size() + 1, '\0');
  expect_error(Cause::bad_data, {"/x"}, [&] { read_fully(*stream, std::as_writable_bytes(std::span(rest))); });
}

TEST_P(CompressionTest, GarbageAfterTheStreamIsBadData) {
  write_file(files_, "/x", pack("text") + "garbage");
  expect_error(Cause::bad_data, {"/x", "at byte"}, [&] { decompressed(files_, "/x"); });
}

TEST_P(CompressionTest, ReadErrorsKeepTheirCause) {
  write_file(files_, "/x", pack(sample_text(100000, 6)));
  FaultyFileSystem faulty(files_, 9);
  const auto stream = open_stream(faulty, "/x");
  faulty.add_rule({Fault::error, FileOperation::read});
  std::string into(1000, '\0');
  expect_error(Cause::input, {"/x"}, [&] { stream->read(std::as_writable_bytes(std::span(into))); });
}

TEST_P(CompressionTest, AFullDiskIsSaidByWriteOrClose) {
  FaultyFileSystem faulty(files_);
  faulty.set_disk_space(500);
  expect_error(Cause::out_of_disk, {"/x"}, [&] {
    const auto file = compress(faulty.create("/x"), GetParam());
    file->write(bytes_of(sample_text(20000, 7)));
    file->close();
  });
}

TEST(Compression, GzipPaddingOfZerosIsIgnored) {
  MemoryFileSystem files;
  const std::string packed = compressed("text", Compression::gzip);
  write_file(files, "/x", packed + std::string(100, '\0'));
  EXPECT_EQ(decompressed(files, "/x"), "text");
  write_file(files, "/x", packed + std::string(100, '\0') + packed);
  expect_error(Cause::bad_data, {"/x", "padding"}, [&] { decompressed(files, "/x"); });
}

TEST(Compression, ZstdSkippableFramesAreSkipped) {
  MemoryFileSystem files;
  write_file(files, "/x",
             std::string("\x52\x2a\x4d\x18\x03\x00\x00\x00zzz", 11) + compressed("text", Compression::zstd));
  EXPECT_EQ(decompressed(files, "/x"), "text");
}

TEST(Compression, PlainFilesAreReadAsTheyAre) {
  MemoryFileSystem files;
  for (const std::string text : {"", "a", "\x1f", "plain", "\x28\xb5\x2f"}) {
    write_file(files, "/x.gz", text);
    EXPECT_EQ(detect_compression(*files.open("/x.gz")), Compression::none);
    EXPECT_EQ(decompressed(files, "/x.gz"), text);
  }
}

}  // namespace
}  // namespace millrace::storage
