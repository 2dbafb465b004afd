#include "cli/hadoop/file_shell.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <sstream>
#include <unistd.h>

#include "storage/local_file_system.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

class FileShellTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::canonical(fs::temp_directory_path()) / fmt::format("file_shell_test.{}", getpid());
    fs::remove_all(root_);
    fs::create_directories(root_ / "d/sub");
    write("d/a.txt", "alpha\n");
    write("d/b c.txt", "beta\n");
    write("d/sub/c.txt", "gamma");
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(root_ / name) << text; }
  std::string read(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(root_ / name).rdbuf();
    return text.str();
  }
  std::string path(const std::string& name) const { return (root_ / name).string(); }

  int run(std::vector<std::string> arguments, const std::string& input = {}) {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream errors;
    FileShell shell(storage::local_file_system(), in, out, errors);
    const int status = shell.run(arguments);
    out_ = out.str();
    errors_ = errors.str();
    return status;
  }

  fs::path root_;
  std::string out_;
  std::string errors_;
};

TEST_F(FileShellTest, ListsADirectory) {
  EXPECT_EQ(run({"-ls", path("d")}), 0);
  std::istringstream lines(out_);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "Found 3 items");
  std::getline(lines, line);
  EXPECT_THAT(line,
              MatchesRegex("-rw-r--r--   1 [^ ]+ [^ ]+ +6 [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} .*/d/a.txt"));
  std::getline(lines, line);
  EXPECT_THAT(line, testing::EndsWith("/d/b c.txt"));
  std::getline(lines, line);
  EXPECT_THAT(line, StartsWith("drwxr-xr-x   - "));
}

TEST_F(FileShellTest, ListsATree) {
  EXPECT_EQ(run({"-ls", "-R", "file://" + path("d")}), 0);
  EXPECT_THAT(out_, HasSubstr(" file://" + path("d/sub/c.txt") + "\n"));
  EXPECT_THAT(out_, testing::Not(HasSubstr("Found")));
}

TEST_F(FileShellTest, AMissingPath) {
  EXPECT_EQ(run({"-ls", path("none")}), 1);
  EXPECT_EQ(errors_, "ls: `" + path("none") + "': No such file or directory\n");
  EXPECT_EQ(run({"-ls", path("d/*.none")}), 1);
  EXPECT_EQ(run({"-cat", path("none")}), 1);
  EXPECT_THAT(errors_, StartsWith("cat: "));
}

TEST_F(FileShellTest, Patterns) {
  EXPECT_EQ(run({"-cat", path("d/*.txt")}), 0);
  EXPECT_EQ(out_, "alpha\nbeta\n");
  EXPECT_EQ(run({"-cat", path("{d,none}/{a,b c}.txt")}), 0);
  EXPECT_EQ(out_, "alpha\nbeta\n");
}

TEST_F(FileShellTest, StandInForHdfs) {
  EXPECT_EQ(run({"-ls", "hdfs:///d"}), 1);
  EXPECT_THAT(errors_, HasSubstr("MILLRACE_HDFS_ROOT"));
  setenv("MILLRACE_HDFS_ROOT", root_.c_str(), 1);
  EXPECT_EQ(run({"-ls", "hdfs:///d"}), 0);
  EXPECT_THAT(out_, HasSubstr(" hdfs:///d/a.txt\n"));
  EXPECT_EQ(run({"-cat", "hdfs://host:9000/d/*c.txt"}), 0);
  EXPECT_EQ(out_, "beta\n");
  EXPECT_EQ(run({"-ls", "hdfs:///none"}), 1);
  EXPECT_EQ(errors_, "ls: `hdfs:///none': No such file or directory\n");
  unsetenv("MILLRACE_HDFS_ROOT");
}

TEST_F(FileShellTest, MakesDirectories) {
  EXPECT_EQ(run({"-mkdir", path("x/y")}), 1);
  EXPECT_THAT(errors_, HasSubstr("No such file or directory"));
  EXPECT_EQ(run({"-mkdir", "-p", path("x/y")}), 0);
  EXPECT_EQ(run({"-mkdir", "-p", path("x/y")}), 0);
  EXPECT_EQ(run({"-mkdir", path("x")}), 1);
  EXPECT_THAT(errors_, HasSubstr("File exists"));
}

TEST_F(FileShellTest, PutsAndGets) {
  EXPECT_EQ(run({"-put", path("d/a.txt"), path("copy.txt")}), 0);
  EXPECT_EQ(read("copy.txt"), "alpha\n");
  EXPECT_EQ(run({"-put", path("d/a.txt"), path("copy.txt")}), 1);
  EXPECT_EQ(errors_, "put: `" + path("copy.txt") + "': File exists\n");
  EXPECT_EQ(run({"-put", "-f", path("d/sub/c.txt"), path("copy.txt")}), 0);
  EXPECT_EQ(read("copy.txt"), "gamma");
  EXPECT_EQ(run({"-copyToLocal", path("d"), path("e")}), 0);
  EXPECT_EQ(read("e/sub/c.txt"), "gamma");
  EXPECT_EQ(run({"-put", "-", path("stdin.txt")}, "from stdin"), 0);
  EXPECT_EQ(read("stdin.txt"), "from stdin");
  EXPECT_EQ(run({"-put", path("d/a.txt"), path("d/b c.txt"), path("none")}), 1);
  EXPECT_EQ(run({"-get", path("none"), path("z")}), 1);
}

TEST_F(FileShellTest, Removes) {
  EXPECT_EQ(run({"-rm", path("d")}), 1);
  EXPECT_THAT(errors_, HasSubstr("Is a directory"));
  EXPECT_EQ(run({"-rm", path("none")}), 1);
  EXPECT_EQ(errors_, "rm: `" + path("none") + "': No such file or directory\n");
  EXPECT_EQ(run({"-rm", "-R", "-f", "-skipTrash", path("none")}), 0);
  EXPECT_EQ(run({"-rm", "-R", "-f", "-skipTrash", path("d")}), 0);
  EXPECT_EQ(out_, "Deleted " + path("d") + "\n");
  EXPECT_FALSE(fs::exists(root_ / "d"));
}

TEST_F(FileShellTest, TouchesMovesMergesAndTests) {
  EXPECT_EQ(run({"-touchz", path("empty")}), 0);
  EXPECT_EQ(run({"-touchz", path("d/a.txt")}), 1);
  EXPECT_EQ(run({"-test", "-e", path("empty")}), 0);
  EXPECT_EQ(run({"-test", "-z", path("empty")}), 0);
  EXPECT_EQ(run({"-test", "-d", path("empty")}), 1);
  EXPECT_EQ(run({"-test", "-d", path("d")}), 0);
  EXPECT_EQ(run({"-test", "-e", path("none")}), 1);
  EXPECT_EQ(run({"-mv", path("empty"), path("d")}), 0);
  EXPECT_TRUE(fs::exists(root_ / "d/empty"));
  EXPECT_EQ(run({"-getmerge", path("d"), path("merged")}), 0);
  EXPECT_EQ(read("merged"), "alpha\nbeta\n");
  EXPECT_EQ(run({"-getmerge", "-nl", path("d/sub"), path("merged")}), 0);
  EXPECT_EQ(read("merged"), "gamma\n");
}

TEST_F(FileShellTest, DiskUsage) {
  EXPECT_EQ(run({"-du", path("d")}), 0);
  EXPECT_EQ(out_, "6  6  " + path("d/a.txt") + "\n5  5  " + path("d/b c.txt") + "\n5  5  " + path("d/sub") + "\n");
  EXPECT_EQ(run({"-du", "-s", path("d")}), 0);
  EXPECT_EQ(out_, "16  16  " + path("d") + "\n");
  EXPECT_EQ(run({"-du", path("none")}), 1);
}

TEST_F(FileShellTest, TextDecompresses) {
  ASSERT_EQ(std::system(fmt::format("gzip -k '{}'", path("d/a.txt")).c_str()), 0);
  EXPECT_EQ(run({"-text", path("d/a.txt.gz")}), 0);
  EXPECT_EQ(out_, "alpha\n");
}

TEST_F(FileShellTest, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(run({"-bogus"}), 255);
  EXPECT_THAT(errors_, HasSubstr("Unknown command"));
  EXPECT_EQ(run({"-ls", "-Z", path("d")}), 255);
  EXPECT_EQ(run({"-cat"}), 255);
  EXPECT_EQ(run({"-cat", "s3://x/y"}), 1);
}

}  // namespace
}  // namespace millrace::cli
