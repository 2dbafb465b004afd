#include "storage/text_reader.h"

#include <gtest/gtest.h>
#include <random>

#include "storage/compression.h"
#include "storage/faulty_file_system.h"
#include "storage/memory_file_system.h"
#include "storage/testing.h"

namespace millrace::storage {
namespace {

using testing::expect_error;
using testing::write_file;

class TextReaderTest : public ::testing::Test {
 protected:
  void write(std::string_view text) { write_file(files_, "/x", text); }

  /// What the reader of one split delivers; checks what every buffer has to keep to.
  std::string read(const FileSplit& split, std::string_view whole, TextReaderOptions options = {}) {
    TextReader reader(files_, split, std::move(options));
    std::string_view lines;
    std::uint64_t offset = 0;
    std::string seen;
    while (reader.next(lines, offset)) {
      EXPECT_FALSE(lines.empty());
      EXPECT_EQ(whole.substr(offset, lines.size()), lines);
      EXPECT_TRUE(offset == 0 || whole[offset - 1] == '\n');
      EXPECT_TRUE(lines.back() == '\n' || offset + lines.size() == whole.size());
      for (std::size_t i = 0; i < PaddedBuffer::padding; ++i) EXPECT_EQ(lines.data()[lines.size() + i], '\0');
      seen += lines;
    }
    EXPECT_FALSE(reader.next(lines, offset));
    return seen;
  }

  MemoryFileSystem files_;
};

/// The lines of `text` that begin in [begin, end), by the definition.
std::string lines_that_begin_in(std::string_view text, std::size_t begin, std::size_t end) {
  std::string lines;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t next = std::min(text.find('\n', i), text.size() - 1) + 1;
    if (i >= begin && i < end) lines += text.substr(i, next - i);
    i = next;
  }
  return lines;
}

TEST_F(TextReaderTest, EverySplitOfEveryShapeGetsItsLines) {
  for (const char* text : {"", "\n", "a", "a\n", "\na", "\n\n\n", "ab\ncd\n", "ab\ncd", "ab\r\n\r\ncd\r\n",
                           "one long line", "a\nbb\nccc\ndddd\neeeee\n\n\nf"}) {
    write(text);
    const std::string_view whole(text);
    for (const std::size_t chunk : {1u, 2u, 3u, 7u, 4096u}) {
      for (std::size_t begin = 0; begin <= whole.size(); ++begin) {
        for (std::size_t end = begin; end <= whole.size(); ++end) {
          SCOPED_TRACE(::testing::Message() << '"' << text << "\" [" << begin << ", " << end << ") chunk " << chunk);
          EXPECT_EQ(read({"/x", begin, end, false}, whole, {chunk, {}}), lines_that_begin_in(whole, begin, end));
        }
      }
      EXPECT_EQ(read({"/x", 0, whole.size(), true}, whole, {chunk, {}}), whole);
    }
  }
}

TEST_F(TextReaderTest, RandomTextInRandomSplits) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 60; ++round) {
    std::string text;
    const std::size_t longest = std::size_t{1} << (random() % 15);
    while (text.size() < 60000) text += std::string(random() % longest, static_cast<char>(random() % 9)) + "\n";
    if (round % 2 == 0) text.pop_back();
    write(text);
    std::string seen;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min<std::size_t>(text.size(), begin + 1 + random() % 20000);
      seen += read({"/x", begin, end, false}, text, {1 + random() % 9000, {}});
      begin = end;
    }
    EXPECT_TRUE(seen == text);
  }
}

TEST_F(TextReaderTest, ALineOf100MegabytesIsReadWholeAndAccountedFor) {
  const std::string line(std::size_t{100} << 20, 'x');
  const std::string text = "first\n" + line + "\nlast";
  write(text);
  std::size_t taken = 0;
  TextReader reader(files_, {"/x", 0, text.size(), false},
                    {std::size_t{256} << 10, [&](std::size_t n) { taken += n; }});
  std::string_view lines;
  std::uint64_t offset = 0;
  ASSERT_TRUE(reader.next(lines, offset));
  EXPECT_EQ(lines, "first\n");
  ASSERT_TRUE(reader.next(lines, offset));
  EXPECT_EQ(offset, 6u);
  ASSERT_EQ(lines.size(), line.size() + 1);
  EXPECT_EQ(lines.find_first_not_of('x'), line.size());
  ASSERT_TRUE(reader.next(lines, offset));
  EXPECT_EQ(lines, "last");
  EXPECT_FALSE(reader.next(lines, offset));
  EXPECT_GE(taken, line.size());
  EXPECT_LE(taken, 2 * line.size() + (std::size_t{1} << 20));
}

TEST_F(TextReaderTest, ABudgetCanRefuseALongLine) {
  const std::string text(1 << 20, 'x');
  write(text);
  TextReader reader(files_, {"/x", 0, text.size(), false},
                    {4096, [budget = std::size_t{100000}](std::size_t n) mutable {
                       if (n > budget) throw Error(Cause::out_of_memory, "no");
                       budget -= n;
                     }});
  std::string_view lines;
  std::uint64_t offset = 0;
  expect_error(Cause::out_of_memory, {}, [&] { reader.next(lines, offset); });
}

TEST_F(TextReaderTest, ReadsCompressedFilesWhole) {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += "line " + std::to_string(i) + "\n";
  for (const Compression compression : {Compression::gzip, Compression::zstd}) {
    const auto file = compress(files_.create("/x"), compression);
    file->write(testing::bytes_of(text));
    file->close();
    FileInfo info;
    files_.stat("/x", info);
    EXPECT_LT(info.size, text.size() / 3);
    const auto splits = split_files(files_, std::span(&info, 1), 1000);
    ASSERT_EQ(splits.size(), 1u);
    EXPECT_TRUE(read(splits[0], text) == text);
  }
}

TEST_F(TextReaderTest, AMissingFileIsAnInputError) {
  expect_error(Cause::input, {"/none"}, [&] { TextReader(files_, {"/none", 0, 1, false}); });
}

TEST_F(TextReaderTest, AFileThatWasCutSinceItWasListedIsAnInputError) {
  write("a\nb\n");
  expect_error(Cause::input, {"/x", "4 bytes"}, [&] { TextReader(files_, {"/x", 4, 8, false}); });
}

TEST_F(TextReaderTest, AReadThatComesShortIsAnInputErrorAndNoLossOfLines) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + "\n";
  write(text);
  FaultyFileSystem faulty(files_, 3);
  for (const Fault fault : {Fault::error, Fault::short_read}) {
    faulty.heal();
    faulty.add_rule({fault, FileOperation::read, "/x", 2, 1});
    TextReader reader(faulty, {"/x", 0, text.size(), false}, {100, {}});
    std::string_view lines;
    std::uint64_t offset = 0;
    expect_error(Cause::input, {"/x"}, [&] {
      while (reader.next(lines, offset)) {
      }
    });
  }
}

TEST(SplitFiles, CutsLargeFilesAndKeepsOthersWhole) {
  MemoryFileSystem files;
  write_file(files, "/large", std::string(25, 'x'));
  write_file(files, "/exact", std::string(10, 'x'));
  write_file(files, "/empty", "");
  std::vector<FileInfo> inputs = files.list("/");
  const auto splits = split_files(files, inputs, 10);
  std::string text;
  for (const FileSplit& split : splits) {
    text +=
        split.path + " " + std::to_string(split.begin) + "-" + std::to_string(split.end) + (split.whole ? "w " : " ");
  }
  EXPECT_EQ(text, "/empty 0-0w /exact 0-10w /large 0-10 /large 10-20 /large 20-25 ");
}

}  // namespace
}  // namespace millrace::storage
