#include "dataset/host_list.h"

#include <cstdio>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <millrace/error.h>

namespace millrace::dataset {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string refusal(const std::string& text) {
  try {
    parse_hosts(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), Cause::usage);
    return error.what();
  }
  return "accepted";
}

TEST(HostList, HasANameForEachExecutor) {
  EXPECT_THAT(parse_hosts("a"), ElementsAre("a"));
  EXPECT_THAT(parse_hosts("a,me@b.example:2,c"), ElementsAre("a", "me@b.example", "me@b.example", "c"));
  EXPECT_THAT(parse_hosts(""), IsEmpty());
}

TEST(HostList, KeepsAHostsExecutorsTogether) { EXPECT_THAT(parse_hosts("a,b,a:2"), ElementsAre("a", "a", "a", "b")); }

TEST(HostList, ReadsFiles) {
  const std::string path = ::testing::TempDir() + "host_list_test";
  std::ofstream(path) << "# ours\na b:2\n\nc,d # and more\n";
  EXPECT_THAT(parse_hosts("@" + path + ",e"), ElementsAre("a", "b", "b", "c", "d", "e"));
  std::ofstream(path) << "a @" << path << "\n";
  EXPECT_THAT(refusal("@" + path), HasSubstr("inside of a file")) << "it would not end";
  std::ofstream(path) << "# nobody\n";
  EXPECT_THAT(refusal("@" + path), HasSubstr("names no host"));
  std::remove(path.c_str());
  EXPECT_THAT(refusal("@" + path), HasSubstr(path));
}

TEST(HostList, RefusesWhatIsNoName) {
  EXPECT_THAT(refusal("-oProxyCommand=reboot"), HasSubstr("does not name a host"));
  EXPECT_THAT(refusal("a b"), HasSubstr("does not name a host"));
  EXPECT_THAT(refusal("$(reboot)"), HasSubstr("does not name a host"));
  EXPECT_THAT(refusal(":2"), HasSubstr("does not name a host"));
  for (const char* text : {"a:", "a:0", "a:x", "a:2x", "a:1:2"}) {
    EXPECT_THAT(refusal(text), HasSubstr("number of executors")) << text;
  }
  EXPECT_THAT(refusal("a:2000"), HasSubstr("more executors"));
  EXPECT_THAT(refusal(","), HasSubstr("names no host"));
}

}  // namespace
}  // namespace millrace::dataset
