#include "storage/file_system.h"

#include <csignal>
#include <cstring>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "storage/faulty_file_system.h"
#include "storage/local_file_system.h"
#include "storage/memory_file_system.h"
#include "storage/testing.h"

namespace millrace::storage {
namespace {

using testing::bytes_of;
using ::testing::ElementsAre;
using testing::exists;
using testing::expect_error;
using testing::paths_of;
using testing::read_file;
using testing::TemporaryDirectory;
using testing::write_file;

/// A file system with an empty directory to work in.
struct Fixture {
  std::unique_ptr<TemporaryDirectory> directory;
  std::vector<std::unique_ptr<FileSystem>> owned;
  FileSystem* files = nullptr;
  std::string root;
};

Fixture local() {
  Fixture fixture;
  fixture.directory = std::make_unique<TemporaryDirectory>();
  fixture.files = &local_file_system();
  fixture.root = fixture.directory->path();
  return fixture;
}

Fixture memory_at(const std::string& root) {
  Fixture fixture;
  fixture.files = fixture.owned.emplace_back(std::make_unique<MemoryFileSystem>()).get();
  fixture.files->make_directories(root);
  fixture.root = root;
  return fixture;
}

Fixture memory() { return memory_at("/a/root"); }
Fixture memory_relative() { return memory_at("root"); }

Fixture without_faults(Fixture fixture) {
  fixture.files = fixture.owned.emplace_back(std::make_unique<FaultyFileSystem>(*fixture.files)).get();
  return fixture;
}

struct Kind {
  const char* name;
  std::function<Fixture()> make;
};

/// What every implementation keeps to.
class FileSystemConformance : public ::testing::TestWithParam<Kind> {
 protected:
  std::string at(const std::string& name) const { return fixture_.root + "/" + name; }
  FileSystem& files() { return *fixture_.files; }

  Fixture fixture_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(All, FileSystemConformance,
                         ::testing::Values(Kind{"local", local}, Kind{"memory", memory},
                                           Kind{"memory_relative", memory_relative},
                                           Kind{"faulty_over_local", [] { return without_faults(local()); }},
                                           Kind{"faulty_over_memory", [] { return without_faults(memory()); }}),
                         [](const auto& kind) { return std::string(kind.param.name); });

TEST_P(FileSystemConformance, ReadsBackWhatWasWritten) {
  const auto output = files().create(at("x"));
  EXPECT_EQ(output->path(), at("x"));
  output->write(bytes_of("hello "));
  output->write({});
  output->write(bytes_of("world"));
  EXPECT_EQ(output->size(), 11u);
  output->close();
  output->close();
  EXPECT_EQ(read_file(files(), at("x")), "hello world");
  const auto input = files().open(at("x"));
  EXPECT_EQ(input->size(), 11u);
  EXPECT_EQ(input->path(), at("x"));
}

TEST_P(FileSystemConformance, ReadsAtOffsets) {
  write_file(files(), at("x"), "0123456789");
  const auto input = files().open(at("x"));
  std::vector<std::byte> into(4);
  EXPECT_EQ(input->read_at(3, into), 4u);
  EXPECT_EQ(std::memcmp(into.data(), "3456", 4), 0);
  EXPECT_EQ(input->read_at(8, into), 2u);
  EXPECT_EQ(std::memcmp(into.data(), "89", 2), 0);
  EXPECT_EQ(input->read_at(10, into), 0u);
  EXPECT_EQ(input->read_at(1000, into), 0u);
  EXPECT_EQ(input->read_at(0, {}), 0u);
}

TEST_P(FileSystemConformance, OneInputFileServesManyThreads) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += static_cast<char>('a' + i % 26);
  write_file(files(), at("x"), text);
  const auto input = files().open(at("x"));
  std::vector<std::thread> threads;
  std::vector<std::string> seen(4);
  for (std::size_t t = 0; t < seen.size(); ++t) {
    threads.emplace_back([&, t] {
      std::string into(97, '\0');
      for (std::uint64_t offset = 0; offset < text.size(); offset += into.size()) {
        seen[t].append(into, 0, input->read_at(offset, std::as_writable_bytes(std::span(into))));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& one : seen) EXPECT_TRUE(one == text);
}

TEST_P(FileSystemConformance, CreateTruncates) {
  write_file(files(), at("x"), "a long text");
  write_file(files(), at("x"), "short");
  EXPECT_EQ(read_file(files(), at("x")), "short");
  write_file(files(), at("x"), "");
  EXPECT_EQ(read_file(files(), at("x")), "");
}

TEST_P(FileSystemConformance, AnOpenFileOutlivesItsNameAndIsReadWhileItGrows) {
  const auto output = files().create(at("x"));
  const auto input = files().open(at("x"));
  EXPECT_EQ(input->size(), 0u);
  files().remove_all(at("x"));
  EXPECT_FALSE(exists(files(), at("x")));
  output->write(bytes_of("later"));
  std::vector<std::byte> into(9);
  EXPECT_EQ(input->read_at(0, into), 5u);
  EXPECT_EQ(std::memcmp(into.data(), "later", 5), 0);
}

TEST_P(FileSystemConformance, WriteAfterCloseIsADefect) {
  const auto output = files().create(at("x"));
  output->close();
  expect_error(Cause::internal, {at("x")}, [&] { output->write(bytes_of("x")); });
}

TEST_P(FileSystemConformance, OpeningWhatIsNoFileIsAnInputError) {
  expect_error(Cause::input, {at("none"), "No such file or directory"}, [&] { files().open(at("none")); });
  expect_error(Cause::input, {fixture_.root, "Is a directory"}, [&] { files().open(fixture_.root); });
}

TEST_P(FileSystemConformance, CreatingNeedsTheParent) {
  expect_error(Cause::output, {at("none/x"), "No such file or directory"}, [&] { files().create(at("none/x")); });
  write_file(files(), at("file"), "");
  expect_error(Cause::output, {at("file/x"), "Not a directory"}, [&] { files().create(at("file/x")); });
  expect_error(Cause::output, {fixture_.root, "Is a directory"}, [&] { files().create(fixture_.root); });
}

TEST_P(FileSystemConformance, StatTellsKindAndSize) {
  write_file(files(), at("x"), "abc");
  FileInfo info;
  ASSERT_TRUE(files().stat(at("x"), info));
  EXPECT_EQ(info.path, at("x"));
  EXPECT_EQ(info.kind, FileKind::file);
  EXPECT_EQ(info.size, 3u);
  ASSERT_TRUE(files().stat(fixture_.root, info));
  EXPECT_EQ(info.kind, FileKind::directory);
  EXPECT_EQ(info.size, 0u);
  EXPECT_FALSE(files().stat(at("none"), info));
  EXPECT_FALSE(files().stat(at("x/below"), info));
}

TEST_P(FileSystemConformance, ListsSortedAndNotRecursively) {
  EXPECT_THAT(files().list(fixture_.root), ::testing::IsEmpty());
  files().make_directories(at("m/n"));
  for (const char* name : {"z", "a", "B", "m-", "m/inner", ".hidden", "_under"}) write_file(files(), at(name), name);
  const auto entries = files().list(fixture_.root);
  EXPECT_THAT(paths_of(entries),
              ElementsAre(at(".hidden"), at("B"), at("_under"), at("a"), at("m"), at("m-"), at("z")));
  EXPECT_EQ(entries[4].kind, FileKind::directory);
  EXPECT_EQ(entries[2].size, 6u);
  EXPECT_THAT(paths_of(files().list(fixture_.root + "/m/")), ElementsAre(at("m/inner"), at("m/n")));
  expect_error(Cause::input, {at("none"), "No such file or directory"}, [&] { files().list(at("none")); });
  expect_error(Cause::input, {at("z"), "Not a directory"}, [&] { files().list(at("z")); });
}

TEST_P(FileSystemConformance, MakesDirectoriesAndLeavesThoseThatExist) {
  files().make_directories(at("a/b/c"));
  write_file(files(), at("a/b/c/x"), "x");
  files().make_directories(at("a/b/c/"));
  EXPECT_EQ(read_file(files(), at("a/b/c/x")), "x");
  expect_error(Cause::output, {at("a/b/c/x"), "Not a directory"}, [&] { files().make_directories(at("a/b/c/x/d")); });
  expect_error(Cause::output, {at("a/b/c/x"), "Not a directory"}, [&] { files().make_directories(at("a/b/c/x")); });
}

TEST_P(FileSystemConformance, RenamesFilesOverFiles) {
  write_file(files(), at("x"), "new");
  write_file(files(), at("y"), "old");
  files().rename(at("x"), at("y"));
  EXPECT_FALSE(exists(files(), at("x")));
  EXPECT_EQ(read_file(files(), at("y")), "new");
}

TEST_P(FileSystemConformance, RenamesTrees) {
  files().make_directories(at("a/b"));
  write_file(files(), at("a/b/x"), "x");
  write_file(files(), at("a-b"), "stays");
  files().rename(at("a"), at("c"));
  EXPECT_FALSE(exists(files(), at("a")));
  EXPECT_EQ(read_file(files(), at("c/b/x")), "x");
  EXPECT_EQ(read_file(files(), at("a-b")), "stays");
  files().make_directories(at("empty"));
  files().rename(at("c"), at("empty"));
  EXPECT_EQ(read_file(files(), at("empty/b/x")), "x");
}

TEST_P(FileSystemConformance, RefusesRenamesThatWouldLoseFiles) {
  files().make_directories(at("full"));
  files().make_directories(at("other"));
  write_file(files(), at("full/x"), "x");
  write_file(files(), at("file"), "f");
  expect_error(Cause::output, {at("full"), "Directory not empty"}, [&] { files().rename(at("other"), at("full")); });
  expect_error(Cause::output, {at("full"), "Is a directory"}, [&] { files().rename(at("file"), at("full")); });
  expect_error(Cause::output, {at("file"), "Not a directory"}, [&] { files().rename(at("full"), at("file")); });
  expect_error(Cause::output, {at("none"), "No such file"}, [&] { files().rename(at("none"), at("y")); });
  expect_error(Cause::output, {at("gone/y"), "No such file"}, [&] { files().rename(at("file"), at("gone/y")); });
  expect_error(Cause::output, {at("full/y"), "Invalid argument"}, [&] { files().rename(at("full"), at("full/y")); });
  EXPECT_EQ(read_file(files(), at("full/x")), "x");
  EXPECT_EQ(read_file(files(), at("file")), "f");
}

TEST_P(FileSystemConformance, ExchangeSwapsTrees) {
  files().make_directories(at("a"));
  files().make_directories(at("b/deep"));
  write_file(files(), at("a/x"), "from a");
  write_file(files(), at("b/deep/y"), "from b");
  ASSERT_TRUE(files().exchange(at("a"), at("b")));
  EXPECT_EQ(read_file(files(), at("b/x")), "from a");
  EXPECT_EQ(read_file(files(), at("a/deep/y")), "from b");
  EXPECT_FALSE(exists(files(), at("a/x")));
  expect_error(Cause::output, {at("none"), "No such file"}, [&] { files().exchange(at("a"), at("none")); });
}

TEST_P(FileSystemConformance, RemovesFilesAndTrees) {
  files().make_directories(at("a/b/c"));
  write_file(files(), at("a/b/c/x"), "x");
  write_file(files(), at("a-stays"), "x");
  files().remove_all(at("a/"));
  files().remove_all(at("a"));
  files().remove_all(at("a/b/c"));
  files().remove_all(at("a-stays/below"));
  EXPECT_THAT(paths_of(files().list(fixture_.root)), ElementsAre(at("a-stays")));
  files().remove_all(at("a-stays"));
  EXPECT_FALSE(exists(files(), at("a-stays")));
}

TEST(LocalFileSystem, RefusesANamedPipeWithoutWaitingForIt) {
  TemporaryDirectory directory;
  const std::string pipe = directory.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  FileInfo info;
  ASSERT_TRUE(local_file_system().stat(pipe, info));
  EXPECT_EQ(info.kind, FileKind::other);
  expect_error(Cause::input, {pipe, "not a regular file"}, [&] { local_file_system().open(pipe); });
}

TEST(LocalFileSystem, ListsALinkToNothingAsOther) {
  TemporaryDirectory directory;
  ASSERT_EQ(::symlink("nowhere", (directory.path() + "/link").c_str()), 0);
  const auto entries = local_file_system().list(directory.path());
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].kind, FileKind::other);
}

TEST(LocalFileSystem, RemovesALinkAndNotWhatItPointsTo) {
  TemporaryDirectory kept;
  TemporaryDirectory removed;
  write_file(local_file_system(), kept.path() + "/x", "x");
  ASSERT_EQ(::symlink(kept.path().c_str(), (removed.path() + "/link").c_str()), 0);
  local_file_system().remove_all(removed.path());
  EXPECT_FALSE(exists(local_file_system(), removed.path()));
  EXPECT_EQ(read_file(local_file_system(), kept.path() + "/x"), "x");
}

TEST(LocalFileSystem, AFullDeviceIsOutOfDisk) {
  const auto output = local_file_system().create("/dev/full");
  expect_error(Cause::out_of_disk, {"/dev/full", "No space left"}, [&] { output->write(bytes_of("x")); });
}

/// Exits with 0 when a write that the kernel cuts at 1000 bytes is continued and the error is then thrown.
[[noreturn]] void write_past_a_limit(OutputFile& output) {
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{1000, 1000};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  try {
    output.write(std::vector<std::byte>(1500));
  } catch (const Error&) {
    ::_exit(output.size() == 1000 ? 0 : 1);
  }
  ::_exit(2);
}

TEST(LocalFileSystem, AShortWriteGoesOnWithTheRest) {
  // A limit to the file's size makes the kernel take a part of a write; the rest then fails, and says so.
  TemporaryDirectory directory;
  const auto output = local_file_system().create(directory.path() + "/x");
  EXPECT_EXIT(write_past_a_limit(*output), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace millrace::storage
