#include "observe/machine.h"

#include <gtest/gtest.h>

namespace millrace::observe {
namespace {

TEST(MachineTest, DescribesThisRun) {
  const char* const argv[] = {"millrace", "grep", "it's here", "/var/log/*.log"};
  const RunStarted run = describe_run(4, argv, 2, 1 << 30);
  EXPECT_EQ(run.command, "millrace grep 'it'\\''s here' '/var/log/*.log'");
  EXPECT_EQ(run.cores, 2u);
  EXPECT_EQ(run.memory_bytes, 1u << 30);
  EXPECT_GT(run.unix_microseconds, 1'700'000'000'000'000);
  EXPECT_FALSE(run.host.empty());
  EXPECT_FALSE(run.version.empty());
}

TEST(MachineTest, QuotesWhatAShellWouldChange) {
  EXPECT_EQ(shell_quoted(""), "''");
  EXPECT_EQ(shell_quoted("-n"), "-n");
  EXPECT_EQ(shell_quoted("a b"), "'a b'");
  EXPECT_EQ(shell_quoted("$x"), "'$x'");
  EXPECT_EQ(shell_quoted(std::string("a\0b", 3)), std::string("'a\0b'", 5));
}

}  // namespace
}  // namespace millrace::observe
