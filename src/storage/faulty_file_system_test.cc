#include "storage/faulty_file_system.h"

#include <gtest/gtest.h>

#include "storage/memory_file_system.h"
#include "storage/testing.h"

namespace millrace::storage {
namespace {

using testing::bytes_of;
using testing::exists;
using testing::expect_error;
using testing::read_file;
using testing::write_file;

class FaultyFileSystemTest : public ::testing::Test {
 protected:
  MemoryFileSystem memory_;
  FaultyFileSystem files_{memory_, 1};
};

TEST_F(FaultyFileSystemTest, ARuleCountsTheCallsThatMatch) {
  write_file(files_, "/x", "abc");
  write_file(files_, "/y", "abc");
  files_.add_rule({Fault::error, FileOperation::open, "x", 1, 2});
  EXPECT_EQ(read_file(files_, "/x"), "abc");
  EXPECT_EQ(read_file(files_, "/y"), "abc");
  expect_error(Cause::input, {"/x"}, [&] { files_.open("/x"); });
  expect_error(Cause::input, {"/x"}, [&] { files_.open("/x"); });
  EXPECT_EQ(read_file(files_, "/x"), "abc");
  EXPECT_EQ(files_.faults(), 2u);
}

TEST_F(FaultyFileSystemTest, EveryOperationCanFail) {
  write_file(files_, "/x", "abc");
  const auto input = files_.open("/x");
  const auto output = files_.create("/y");
  files_.add_rule({});
  std::vector<std::byte> into(3);
  FileInfo info;
  expect_error(Cause::input, {"/x"}, [&] { input->read_at(0, into); });
  expect_error(Cause::output, {"/y"}, [&] { output->write(bytes_of("x")); });
  expect_error(Cause::output, {"/y"}, [&] { output->close(); });
  expect_error(Cause::input, {"/x"}, [&] { files_.stat("/x", info); });
  expect_error(Cause::input, {"/"}, [&] { files_.list("/"); });
  expect_error(Cause::output, {"/z"}, [&] { files_.create("/z"); });
  expect_error(Cause::output, {"/d"}, [&] { files_.make_directories("/d"); });
  expect_error(Cause::output, {"/x", "/z"}, [&] { files_.rename("/x", "/z"); });
  expect_error(Cause::output, {"/x", "/y"}, [&] { files_.exchange("/x", "/y"); });
  expect_error(Cause::output, {"/x"}, [&] { files_.remove_all("/x"); });
  files_.heal();
  EXPECT_EQ(read_file(files_, "/x"), "abc");
  EXPECT_FALSE(exists(files_, "/z"));
}

TEST_F(FaultyFileSystemTest, TheDiskFillsUp) {
  files_.set_disk_space(5);
  const auto output = files_.create("/x");
  output->write(bytes_of("abc"));
  expect_error(Cause::out_of_disk, {"/x", "No space left"}, [&] { output->write(bytes_of("def")); });
  EXPECT_EQ(read_file(memory_, "/x"), "abcde");
  expect_error(Cause::out_of_disk, {"/x"}, [&] { output->write(bytes_of("g")); });
}

TEST_F(FaultyFileSystemTest, TheQuotaIsUsedUp) {
  files_.set_disk_space(2, Fault::over_quota);
  const auto output = files_.create("/x");
  expect_error(Cause::out_of_disk, {"/x", "quota exceeded"}, [&] { output->write(bytes_of("abc")); });
  EXPECT_EQ(read_file(memory_, "/x"), "ab");
  files_.heal();
  files_.add_rule({Fault::over_quota});
  expect_error(Cause::out_of_disk, {"/y", "quota exceeded"}, [&] { files_.create("/y"); });
  EXPECT_EQ(read_file(files_, "/x"), "ab");
}

TEST_F(FaultyFileSystemTest, AReadOnlyFileSystemRefusesWhatChangesIt) {
  write_file(files_, "/x", "abc");
  const auto output = files_.create("/y");
  files_.add_rule({Fault::read_only});
  expect_error(Cause::out_of_disk, {"/y", "Read-only"}, [&] { output->write(bytes_of("x")); });
  expect_error(Cause::out_of_disk, {"/z", "Read-only"}, [&] { files_.create("/z"); });
  expect_error(Cause::out_of_disk, {"/d", "Read-only"}, [&] { files_.make_directories("/d"); });
  expect_error(Cause::out_of_disk, {"/x", "/z", "Read-only"}, [&] { files_.rename("/x", "/z"); });
  expect_error(Cause::out_of_disk, {"/x", "/y", "Read-only"}, [&] { files_.exchange("/x", "/y"); });
  expect_error(Cause::out_of_disk, {"/x", "Read-only"}, [&] { files_.remove_all("/x"); });
  output->close();
  EXPECT_EQ(read_file(files_, "/x"), "abc");
  EXPECT_EQ(files_.list("/").size(), 2u);
}

TEST_F(FaultyFileSystemTest, ATornWriteLeavesAPart) {
  const std::string text(1000, 'x');
  files_.add_rule({Fault::torn_write, std::nullopt, "", 0, 1});
  expect_error(Cause::output, {"/x"}, [&] { write_file(files_, "/x", text); });
  EXPECT_LT(read_file(memory_, "/x").size(), text.size());
}

TEST_F(FaultyFileSystemTest, AShortReadLosesTheEnd) {
  write_file(memory_, "/x", std::string(1000, 'x'));
  files_.add_rule({Fault::short_read, std::nullopt, "", 0, 1});
  EXPECT_LT(read_file(files_, "/x").size(), 1000u);
  EXPECT_EQ(read_file(files_, "/x").size(), 1000u);
}

TEST_F(FaultyFileSystemTest, ABitFlipChangesOneBit) {
  const std::string text(1000, '\0');
  write_file(memory_, "/x", text);
  files_.add_rule({Fault::bit_flip, FileOperation::read, "", 0, 1});
  const std::string seen = read_file(files_, "/x");
  int bits = 0;
  for (const char c : seen) bits += __builtin_popcount(static_cast<unsigned char>(c));
  EXPECT_EQ(bits, 1);
  EXPECT_EQ(read_file(memory_, "/x"), text);
}

TEST_F(FaultyFileSystemTest, TheSameSeedMeetsTheSameFaults) {
  const auto run = [](std::uint64_t seed) {
    MemoryFileSystem memory;
    FaultyFileSystem files(memory, seed);
    files.set_rates(
        {.read_error = 0.2, .short_read = 0.2, .read_bit_flip = 0.2, .write_error = 0.2, .torn_write = 0.2});
    std::string story;
    for (int i = 0; i < 200; ++i) {
      try {
        write_file(files, "/x", "some text of a file");
        story += read_file(files, "/x") + ";";
      } catch (const Error& error) {
        story += error.what();
      }
    }
    EXPECT_GT(files.faults(), 50u);
    return story;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

}  // namespace
}  // namespace millrace::storage
