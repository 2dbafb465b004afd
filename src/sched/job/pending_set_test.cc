#include "sched/job/pending_set.h"

#include <gtest/gtest.h>
#include <random>
#include <set>

namespace millrace::sched {
namespace {

TEST(PendingSetTest, AnEmptyOneHasNoMembers) {
  EXPECT_TRUE(PendingSet().empty());
  EXPECT_TRUE(PendingSet(0).empty());
  EXPECT_TRUE(PendingSet(1000).empty());
}

TEST(PendingSetTest, AgreesWithASet) {
  for (const std::uint32_t capacity : {1u, 63u, 64u, 65u, 4096u, 4097u, 300000u}) {
    std::mt19937 random(capacity);
    std::uniform_int_distribution<std::uint32_t> number(0, capacity - 1);
    PendingSet pending(capacity);
    std::set<std::uint32_t> model;
    for (int i = 0; i < 20000; ++i) {
      const std::uint32_t member = i % 3 == 0 && !model.empty() ? *model.begin() : number(random);
      if (random() % 2 == 0) {
        pending.insert(member);
        model.insert(member);
      } else {
        pending.erase(member);
        model.erase(member);
      }
      ASSERT_EQ(pending.contains(member), model.count(member) != 0);
      ASSERT_EQ(pending.empty(), model.empty());
      const std::uint32_t from = number(random);
      const auto next = model.lower_bound(from);
      ASSERT_EQ(pending.next(from), next == model.end() ? std::nullopt : std::optional(*next));
      if (model.empty()) continue;
      ASSERT_EQ(pending.first(), *model.begin());
    }
  }
}

}  // namespace
}  // namespace millrace::sched
