#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/terms/host.h"
#include "jobs/terms/most_frequent.h"

namespace millrace::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(HostOf, TakesAUrlApart) {
  EXPECT_EQ(host_of("http://example.org/a?b#c"), "example.org");
  EXPECT_EQ(host_of("https://user:pass@example.org:8080/"), "example.org");
  EXPECT_EQ(host_of("example.org/x"), "example.org");
  EXPECT_EQ(host_of("http://example.org"), "example.org");
  EXPECT_EQ(host_of("http://example.org?x=@y"), "example.org");
  EXPECT_EQ(host_of(""), "");
}

TEST(MostFrequent, KeepsTheMostFrequentInOrder) {
  MostFrequent most(3);
  most.add("e", 1);
  most.add("b", 5);
  most.add("c", 2);
  most.add("a", 2);
  most.add("d", 2);
  EXPECT_THAT(most.take(), ElementsAre(Pair("b", 5), Pair("a", 2), Pair("c", 2)));
}

TEST(MostFrequent, MayKeepNothing) {
  MostFrequent none(0);
  none.add("a", 1);
  EXPECT_TRUE(none.take().empty());
}

}  // namespace
}  // namespace millrace::jobs
