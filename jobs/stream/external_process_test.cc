#include "jobs/stream/external_process.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <numeric>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <millrace/error.h>

namespace millrace::jobs::stream {
namespace {

using testing::HasSubstr;

struct Result {
  std::string output;
  std::string errors;
  ExitStatus status;
};

class ExternalProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / fmt::format("external_process_test.{}", getpid());
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  ProcessSpec shell(const std::string& script) const { return command({"/bin/sh", "-c", script}); }
  ProcessSpec command(std::vector<std::string> arguments) const {
    ProcessSpec spec;
    spec.arguments = std::move(arguments);
    spec.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "GREETING=hello"};
    spec.directory = directory_;
    return spec;
  }

  static Result run(const ProcessSpec& spec, const std::string& input, std::size_t block = 1000000) {
    Result result;
    ExternalProcess process(
        spec, [&](std::string_view bytes) { result.output += bytes; },
        [&](std::string_view bytes) { result.errors += bytes; });
    for (std::size_t at = 0; at < input.size() && process.accepts_input(); at += block) {
      process.write(std::string_view(input).substr(at, block));
    }
    result.status = process.finish();
    return result;
  }

  /// Whether the process ends soon. An orphan is reaped by whoever adopts it; until then it is a zombie, which is dead,
  /// too.
  static bool ends(pid_t child) {
    for (int i = 0; i < 1000; ++i) {
      std::ifstream file(fmt::format("/proc/{}/stat", child));
      std::string pid_text, name, state;
      file >> pid_text >> name >> state;
      if (state.empty() || state == "Z" || state == "X") return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  static std::string error_of(const ProcessSpec& spec, Cause cause) {
    try {
      run(spec, "");
    } catch (const Error& error) {
      EXPECT_EQ(error.cause(), cause);
      return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
  }

  std::filesystem::path directory_;
};

std::string lines(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += fmt::format("line {}\n", i);
  return text;
}

TEST_F(ExternalProcessTest, PassesBytesThrough) {
  const std::string input = lines(500000);
  const Result result = run(command({"cat"}), input, 77777);
  EXPECT_TRUE(result.output == input);
  EXPECT_TRUE(result.status.ok());
}

TEST_F(ExternalProcessTest, NoInput) { EXPECT_EQ(run(shell("cat; echo end"), "").output, "end\n"); }

TEST_F(ExternalProcessTest, EnvironmentAndDirectoryAreItsOwn) {
  EXPECT_EQ(run(shell("echo $GREETING $HOME; pwd -P"), "").output,
            "hello\n" + std::filesystem::canonical(directory_).string() + "\n");
}

TEST_F(ExternalProcessTest, AProgramOfTheDirectoryComesFirst) {
  const auto path = directory_ / "cat";
  std::ofstream(path) << "#!/bin/sh\necho mine\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  EXPECT_EQ(run(command({"cat"}), "").output, "mine\n");
}

TEST_F(ExternalProcessTest, ACommandThatReadsAllBeforeItWrites) {
  const std::string input = lines(300000);
  EXPECT_TRUE(run(command({"sort", "-s", "-k3"}), input).output == input);
}

TEST_F(ExternalProcessTest, ACommandThatWritesMuchBeforeItReads) {
  const Result result =
      run(shell("head -c 5000000 /dev/zero; cat >/dev/null; head -c 3000000 /dev/zero"), lines(300000));
  EXPECT_EQ(result.output.size(), 8000000u);
  EXPECT_TRUE(result.status.ok());
}

TEST_F(ExternalProcessTest, ACommandThatFillsItsStandardErrorFirst) {
  const Result result = run(shell("head -c 2000000 /dev/zero >&2; cat | wc -l"), lines(300000));
  EXPECT_EQ(result.errors.size(), 2000000u);
  EXPECT_EQ(result.output, "300000\n");
}

TEST_F(ExternalProcessTest, StoppingToReadIsNoError) {
  const Result result = run(command({"head", "-n", "1"}), lines(1000000));
  EXPECT_EQ(result.output, "line 0\n");
  EXPECT_TRUE(result.status.ok());
}

TEST_F(ExternalProcessTest, NeitherIsClosingStandardInput) {
  EXPECT_EQ(run(shell("exec 0<&-; sleep 0.2; echo done"), lines(1000000)).output, "done\n");
}

TEST_F(ExternalProcessTest, ClosedStandardOutputDoesNotEndTheWait) {
  const Result result = run(shell("exec 1>&-; sleep 0.2; exit 4"), lines(1000));
  EXPECT_EQ(result.status.code, 4);
}

TEST_F(ExternalProcessTest, ExitStatusAndSignals) {
  EXPECT_EQ(to_text(run(shell("exit 3"), "").status), "exit status 3");
  const ExitStatus killed = run(shell("kill -9 $$"), "").status;
  EXPECT_FALSE(killed.ok());
  EXPECT_EQ(to_text(killed), "signal 9 (Killed)");
}

TEST_F(ExternalProcessTest, SignalsThatWeIgnoreAreNotIgnoredByTheCommand) {
  signal(SIGPIPE, SIG_IGN);
  // With SIGPIPE ignored the first command would go on for ever, or complain.
  const Result result = run(shell("yes | head -n 1"), "");
  signal(SIGPIPE, SIG_DFL);
  EXPECT_EQ(result.output, "y\n");
  EXPECT_EQ(result.errors, "");
}

TEST_F(ExternalProcessTest, NoDescriptorLeaks) {
  EXPECT_EQ(run(shell("ls /proc/self/fd | wc -l"), "").output, "4\n");  // 0, 1, 2 and the directory that ls reads
}

TEST_F(ExternalProcessTest, SaysWhyACommandCannotRun) {
  EXPECT_THAT(error_of(command({"no-such-command", "x"}), Cause::user_code),
              HasSubstr("'no-such-command' was not found"));
  EXPECT_THAT(error_of(command({"/no/such"}), Cause::user_code), HasSubstr("/no/such"));
  std::ofstream(directory_ / "plain.py") << "print(1)\n";
  EXPECT_THAT(error_of(command({"plain.py"}), Cause::user_code), HasSubstr("chmod +x"));
  std::filesystem::permissions(directory_ / "plain.py", std::filesystem::perms::owner_all);
  EXPECT_THAT(error_of(command({"plain.py"}), Cause::user_code), HasSubstr("#!"));
  ProcessSpec spec = command({"cat"});
  spec.environment.push_back("LONG=" + std::string(200000, 'x'));
  EXPECT_THAT(error_of(spec, Cause::user_code), HasSubstr("stream.jobconf.truncate.limit"));
}

TEST_F(ExternalProcessTest, ASilentCommandIsStopped) {
  ProcessSpec spec = shell("sleep 60");
  spec.silence_limit = std::chrono::milliseconds(300);
  EXPECT_THAT(error_of(spec, Cause::user_code), HasSubstr("mapreduce.task.timeout"));
}

TEST_F(ExternalProcessTest, CancellingKillsTheWholeGroup) {
  std::atomic<bool> cancelled = false;
  ProcessSpec spec = shell("sleep 300 & echo $! > child; wait");
  spec.cancelled = [&] { return cancelled.load(); };
  std::thread canceller([&] {
    for (int i = 0; i < 500 && !std::filesystem::exists(directory_ / "child"); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    cancelled = true;
  });
  EXPECT_THAT(error_of(spec, Cause::user_code), HasSubstr("cancelled"));
  canceller.join();
  pid_t child = 0;
  std::ifstream(directory_ / "child") >> child;
  ASSERT_GT(child, 0);
  EXPECT_TRUE(ends(child));
}

TEST_F(ExternalProcessTest, ACommandDoesNotOutliveAProcessThatIsKilled) {
  const pid_t owner = fork();
  if (owner == 0) {
    // It reads nothing: no closed pipe tells it that nobody is there.
    run(shell("echo $$ > child.new; mv child.new child; while :; do sleep 0.1; done"), "");
    _exit(0);
  }
  for (int i = 0; i < 1000 && !std::filesystem::exists(directory_ / "child"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  pid_t child = 0;
  std::ifstream(directory_ / "child") >> child;
  kill(owner, SIGKILL);
  waitpid(owner, nullptr, 0);
  ASSERT_GT(child, 0);
  EXPECT_TRUE(ends(child));
}

TEST_F(ExternalProcessTest, WhatTheReceiverThrowsPassesAndTheCommandIsGone) {
  struct Broken {};
  ExternalProcess process(
      shell("echo x; cat"), [](std::string_view) { throw Broken(); }, [](std::string_view) {});
  EXPECT_THROW(process.finish(), Broken);
}

TEST_F(ExternalProcessTest, KnowsWhenThereIsNoUseInWriting) {
  ExternalProcess process(
      command({"head", "-n", "1"}), [](std::string_view) {}, [](std::string_view) {});
  const std::string block = lines(10000);
  for (int i = 0; i < 10000 && process.accepts_input(); ++i) process.write(block);
  EXPECT_FALSE(process.accepts_input());
  EXPECT_TRUE(process.finish().ok());
}

}  // namespace
}  // namespace millrace::jobs::stream
