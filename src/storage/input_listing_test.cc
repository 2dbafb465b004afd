#include "storage/input_listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/faulty_file_system.h"
#include "storage/glob.h"
#include "storage/local_file_system.h"
#include "storage/memory_file_system.h"
#include "storage/testing.h"

namespace millrace::storage {
namespace {

using ::testing::ElementsAre;
using testing::expect_error;
using testing::paths_of;
using testing::write_file;

class InputListingTest : public ::testing::Test {
 protected:
  InputListingTest() {
    for (const char* directory : {"/in", "/in/sub", "/in/sub/deep", "/logs/a", "/logs/b", "/empty", "/_hidden"}) {
      files_.make_directories(directory);
    }
    for (const char* path :
         {"/logs/a/1.txt", "/logs/a/2.txt", "/logs/a/10.log", "/logs/a/_SUCCESS", "/logs/a/.crc", "/logs/b/1.txt",
          "/logs/b/x[1].txt", "/_hidden/x", "/in/top", "/in/sub/mid", "/in/sub/deep/low", "/in/sub/_no"}) {
      write_file(files_, path, path);
    }
  }

  std::vector<std::string> list(const std::vector<std::string>& patterns) {
    return paths_of(list_inputs(files_, patterns));
  }

  MemoryFileSystem files_;
};

TEST_F(InputListingTest, FilesAndDirectories) {
  EXPECT_THAT(list({"/logs/b/1.txt"}), ElementsAre("/logs/b/1.txt"));
  EXPECT_THAT(list({"/logs/a"}), ElementsAre("/logs/a/1.txt", "/logs/a/10.log", "/logs/a/2.txt"));
  EXPECT_THAT(list({"/logs/a/"}), ElementsAre("/logs/a/1.txt", "/logs/a/10.log", "/logs/a/2.txt"));
  EXPECT_THAT(list({"/logs/a/_SUCCESS"}), ElementsAre("/logs/a/_SUCCESS"));
  EXPECT_THAT(list({"/_hidden"}), ElementsAre("/_hidden/x"));
  EXPECT_THAT(list({"/empty"}), ElementsAre());
}

TEST_F(InputListingTest, OrderIsThatOfThePatterns) {
  EXPECT_THAT(list({"/logs/b/1.txt", "/logs/a/2.txt", "/logs/b/1.txt"}),
              ElementsAre("/logs/b/1.txt", "/logs/a/2.txt", "/logs/b/1.txt"));
}

TEST_F(InputListingTest, Globs) {
  EXPECT_THAT(list({"/logs/*/*.txt"}),
              ElementsAre("/logs/a/1.txt", "/logs/a/2.txt", "/logs/b/1.txt", "/logs/b/x[1].txt"));
  EXPECT_THAT(list({"/logs/{b,a}/?.txt"}), ElementsAre("/logs/a/1.txt", "/logs/a/2.txt", "/logs/b/1.txt"));
  EXPECT_THAT(list({"/logs/{a,a,*}/1.txt"}), ElementsAre("/logs/a/1.txt", "/logs/b/1.txt"));
  EXPECT_THAT(list({"/logs/a/[!2]*.{txt,log}"}), ElementsAre("/logs/a/1.txt", "/logs/a/10.log"));
  EXPECT_THAT(list({"/logs/a/_*"}), ElementsAre("/logs/a/_SUCCESS"));
  EXPECT_THAT(list({"/logs/[a]"}), ElementsAre("/logs/a/1.txt", "/logs/a/10.log", "/logs/a/2.txt"));
  EXPECT_THAT(list({"/logs/b/x[1].txt"}), ElementsAre("/logs/b/x[1].txt")) << "a path that exists is no pattern";
  EXPECT_THAT(list({"/logs/b/x\\[1].*"}), ElementsAre("/logs/b/x[1].txt"));
  EXPECT_THAT(list({"/in/**"}), ElementsAre("/in/sub/deep/low", "/in/sub/mid", "/in/top"));
  EXPECT_THAT(list({"/in/**/[lm]*"}), ElementsAre("/in/sub/deep/low", "/in/sub/mid"));
}

TEST_F(InputListingTest, RelativeGlobsGiveRelativePaths) {
  MemoryFileSystem files;
  files.make_directories("d");
  write_file(files, "a.txt", "");
  write_file(files, "d/b.txt", "");
  EXPECT_THAT(paths_of(list_inputs(files, std::vector<std::string>{"*.txt", "*/b*", "**", "./*.txt"})),
              ElementsAre("a.txt", "d/b.txt", "a.txt", "d/b.txt", "./a.txt"));
}

TEST_F(InputListingTest, ErrorsNameWhatIsWrong) {
  expect_error(Cause::input, {"/none", "No such file"}, [&] { list({"/logs/a", "/none"}); });
  expect_error(Cause::input, {"no input matches /logs/*.csv"}, [&] { list({"/logs/*.csv"}); });
  expect_error(Cause::input, {"no input matches {,}"}, [&] { list({"{,}"}); });
  expect_error(Cause::input, {"No such file"}, [&] { list({""}); });
  expect_error(Cause::input, {"/in/sub", "/in/**"}, [&] { list({"/in"}); });
  expect_error(Cause::input, {"more than 10000"},
               [&] { list({"{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"}); });
}

TEST_F(InputListingTest, WhatCannotBeOpenedOrListedIsSaidBeforeAnyWork) {
  FaultyFileSystem faulty(files_);
  faulty.add_rule({Fault::error, FileOperation::open, "2.txt"});
  expect_error(Cause::input, {"/logs/a/2.txt"}, [&] { list_inputs(faulty, std::vector<std::string>{"/logs/a"}); });
  faulty.heal();
  faulty.add_rule({Fault::error, FileOperation::list, "/logs/b"});
  expect_error(Cause::input, {"/logs/b"}, [&] { list_inputs(faulty, std::vector<std::string>{"/logs/*"}); });
}

TEST(InputListingLocal, OtherKindsAreErrors) {
  testing::TemporaryDirectory directory;
  const std::string pipe = directory.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& pattern : {pipe, directory.path(), directory.path() + "/*"}) {
    expect_error(Cause::input, {pipe, "neither a file nor a directory"},
                 [&] { list_inputs(local_file_system(), std::span(&pattern, 1)); });
  }
}

TEST(Glob, Matches) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(matches("a*b*c", "a-b-b-d"));
  EXPECT_TRUE(matches("[a-cx]", "b"));
  EXPECT_FALSE(matches("[a-cx]", "d"));
  EXPECT_TRUE(matches("[^a-c]?", "dz"));
  EXPECT_TRUE(matches("[]]", "]"));
  EXPECT_TRUE(matches("[!]]", "x"));
  EXPECT_TRUE(matches("[a-]", "-"));
  EXPECT_TRUE(matches("a[b", "a[b"));
  EXPECT_TRUE(matches("\\*", "*"));
  EXPECT_FALSE(matches("\\*", "x"));
  EXPECT_TRUE(matches("x\\", "x\\"));
  EXPECT_FALSE(matches("", "x"));
  // Exponential for a matcher that goes back to every star.
  EXPECT_FALSE(matches("a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

TEST(Glob, ExpandsBraces) {
  EXPECT_THAT(expand_braces("a{b,c}d{e,}"), ElementsAre("abde", "abd", "acde", "acd"));
  EXPECT_THAT(expand_braces("{a,{b,c}x}"), ElementsAre("a", "bx", "cx"));
  EXPECT_THAT(expand_braces("{a}{b"), ElementsAre("{a}{b"));
  EXPECT_THAT(expand_braces("\\{a,b}"), ElementsAre("\\{a,b}"));
}

}  // namespace
}  // namespace millrace::storage
