#include "jobs/stream/command_line.h"

#include <gmock/gmock.h>

namespace millrace::jobs::stream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SplitCommand, AtSpaces) {
  EXPECT_THAT(split_command("python3 map.py  --step 1 "), ElementsAre("python3", "map.py", "--step", "1"));
  EXPECT_THAT(split_command("   "), IsEmpty());
  EXPECT_THAT(split_command(""), IsEmpty());
}

TEST(SplitCommand, QuotesHoldAnArgumentTogether) {
  EXPECT_THAT(split_command("sh -c 'cut -f1 | sort'"), ElementsAre("sh", "-c", "cut -f1 | sort"));
  EXPECT_THAT(split_command(R"(awk "{print \"x\"}")"), ElementsAre("awk", "{print \\", "x\\", "}"));
  EXPECT_THAT(split_command(R"(echo "it's")"), ElementsAre("echo", "it's"));
}

TEST(SplitCommand, AQuoteEndsTheArgumentBeforeIt) {
  EXPECT_THAT(split_command("grep -e'a b'c"), ElementsAre("grep", "-e", "a b", "c"));
}

TEST(SplitCommand, NoShell) {
  EXPECT_THAT(split_command("echo $HOME *.txt | wc\tx \\ y"),
              ElementsAre("echo", "$HOME", "*.txt", "|", "wc\tx", "\\", "y"));
}

TEST(SplitCommand, AnOpenQuoteReachesToTheEnd) { EXPECT_THAT(split_command("a 'b c"), ElementsAre("a", "b c")); }

}  // namespace
}  // namespace millrace::jobs::stream
