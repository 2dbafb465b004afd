#include "jobs/stream/command_attempt.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sstream>
#include <unistd.h>

#include <millrace/error.h>

namespace millrace::jobs::stream {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class CommandAttemptTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::canonical(fs::temp_directory_path()) / fmt::format("command_attempt_test.{}", getpid());
    fs::remove_all(root_);
    fs::create_directories(root_ / "job");
    spec_.names = {1700000000000, 1};
    spec_.environment = {{"PATH", "/usr/bin:/bin"}};
    spec_.job_directory = (root_ / "job").string();
    spec_.log_directory = (root_ / "logs").string();
    spec_.reporter_prefix = "reporter:";
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string run(const std::string& command, const std::string& input = {}) {
    spec_.command = command;
    std::string output;
    CommandAttempt attempt(spec_, facts_, {}, [&](std::string_view bytes) { output += bytes; });
    attempt.write(input);
    attempt.finish();
    counters_ = attempt.counters();
    return output;
  }
  std::string log(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(root_ / "logs/attempt_1700000000000_0001_m_000003_1" / name).rdbuf();
    return text.str();
  }

  fs::path root_;
  CommandSpec spec_;
  TaskFacts facts_{{1700000000000, 1}, true, 3, 1, "/data/in", 0, {}, {}};
  Counters counters_;
};

TEST_F(CommandAttemptTest, RunsInADirectoryOfItsOwn) {
  const std::string output =
      run("sh -c 'pwd; cat; echo $mapreduce_task_partition $TMPDIR; test -d $TMPDIR && touch x'", "hello\n");
  const std::string work = (root_ / "job/attempts/attempt_1700000000000_0001_m_000003_1").string();
  EXPECT_EQ(output, work + "\nhello\n3 " + work + "/tmp\n");
  EXPECT_FALSE(fs::exists(work));
}

TEST_F(CommandAttemptTest, CountersAndLog) {
  run("sh -c 'echo reporter:counter:g,c,3 >&2; echo oops >&2'");
  EXPECT_EQ(counters_, (Counters{{{"g", "c"}, 3}}));
  EXPECT_EQ(log("stderr"), "oops\n");
}

TEST_F(CommandAttemptTest, AFailureNamesCommandStatusAndLastLines) {
  spec_.debug_command = "wc -l";
  try {
    run("sh -c 'cat; echo first >&2; echo last words >&2; exit 3'");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), Cause::user_code);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("exit 3"), HasSubstr("exit status 3"), HasSubstr("first\nlast words"),
                                    HasSubstr("attempt_1700000000000_0001_m_000003_1/stderr")));
  }
  EXPECT_THAT(log("debugout"), HasSubstr("2 " + (root_ / "logs").string()));
  EXPECT_TRUE(fs::is_empty(root_ / "job/attempts"));
}

TEST_F(CommandAttemptTest, AFailureMayBeIgnored) {
  spec_.nonzero_exit_fails = false;
  EXPECT_EQ(run("sh -c 'echo x; exit 3'"), "x\n");
}

TEST_F(CommandAttemptTest, ACommandThatCannotStartLeavesNothing) {
  EXPECT_THROW(run("no-such-command"), Error);
  EXPECT_TRUE(fs::is_empty(root_ / "job/attempts"));
}

}  // namespace
}  // namespace millrace::jobs::stream
