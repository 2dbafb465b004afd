#include "sched/elastic/elastic_policy.h"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <random>
#include <set>

namespace millrace::sched {
namespace {

constexpr std::int64_t second = 1'000'000;

ElasticLimits limits(std::uint32_t most = 8) {
  ElasticLimits out;
  out.most = most;
  return out;
}

ElasticView waiting(std::uint64_t tasks, std::uint32_t members, std::uint32_t outstanding = 0) {
  ElasticView view;
  view.waiting = tasks;
  view.outstanding = outstanding;
  for (std::uint32_t i = 0; i < members; ++i) view.members.push_back({ExecutorId{i}, i > 0, true, false, false});
  return view;
}

std::uint32_t asked(const std::vector<ElasticAction>& actions) {
  std::uint32_t sum = 0;
  for (const ElasticAction& action : actions) {
    if (const auto* each = std::get_if<ExecutorsAsked>(&action)) sum += each->count;
  }
  return sum;
}

std::uint32_t withdrawn(const std::vector<ElasticAction>& actions) {
  std::uint32_t sum = 0;
  for (const ElasticAction& action : actions) {
    if (const auto* each = std::get_if<RequestsWithdrawn>(&action)) sum += each->count;
  }
  return sum;
}

std::vector<std::uint32_t> given_back(const std::vector<ElasticAction>& actions) {
  std::vector<std::uint32_t> out;
  for (const ElasticAction& action : actions) {
    if (const auto* each = std::get_if<ExecutorDraining>(&action)) out.push_back(each->executor.value);
  }
  return out;
}

TEST(ElasticGrowth, NothingIsAskedForBeforeTasksHaveWaitedForTheBacklogTime) {
  ElasticPolicy policy(limits());
  EXPECT_TRUE(policy.step(waiting(100, 1), Time{0}).empty());
  EXPECT_TRUE(policy.step(waiting(100, 1), Time{second - 1}).empty());
  EXPECT_EQ(asked(policy.step(waiting(100, 1), Time{second})), 1u);
}

TEST(ElasticGrowth, DoublesWhileTasksGoOnWaiting) {
  ElasticPolicy policy(limits(100));
  policy.step(waiting(1000, 1), Time{0});
  std::uint32_t there = 1;
  for (const std::uint32_t expected : {1u, 2u, 4u, 8u, 16u, 32u}) {
    const auto count = asked(policy.step(waiting(1000, there), Time{second * (1 + expected)}));
    EXPECT_EQ(count, expected);
    there += count;
  }
}

TEST(ElasticGrowth, WhatWasAskedForAndHasNotComeCounts) {
  ElasticPolicy policy(limits(4));
  policy.step(waiting(1000, 1), Time{0});
  EXPECT_EQ(asked(policy.step(waiting(1000, 1, 0), Time{1 * second})), 1u);
  EXPECT_EQ(asked(policy.step(waiting(1000, 1, 1), Time{2 * second})), 2u);
  EXPECT_EQ(asked(policy.step(waiting(1000, 1, 3), Time{3 * second})), 0u);
}

TEST(ElasticGrowth, AsksForNoMoreThanTheWaitingTasksCanUse) {
  ElasticPolicy policy(limits(100));
  ElasticView view = waiting(9, 1);
  view.slots = 4;
  policy.step(view, Time{0});
  EXPECT_EQ(asked(policy.step(view, Time{1 * second})), 1u);
  view.outstanding = 1;
  EXPECT_EQ(asked(policy.step(view, Time{2 * second})), 2u);
  view.outstanding = 3;  // nine tasks fill three executors of four slots
  EXPECT_EQ(asked(policy.step(view, Time{3 * second})), 0u);
}

TEST(ElasticGrowth, BeginsWithOneAgainAfterAPause) {
  ElasticPolicy policy(limits(100));
  policy.step(waiting(1000, 1), Time{0});
  EXPECT_EQ(asked(policy.step(waiting(1000, 1), Time{1 * second})), 1u);
  EXPECT_EQ(asked(policy.step(waiting(1000, 2), Time{2 * second})), 2u);
  policy.step(waiting(0, 4), Time{3 * second});
  policy.step(waiting(1000, 4), Time{4 * second});
  EXPECT_EQ(asked(policy.step(waiting(1000, 4), Time{5 * second})), 1u);
}

TEST(ElasticGrowth, ARefusalIsRespectedForLongerEachTime) {
  ElasticPolicy policy(limits());
  std::int64_t now = 0;
  policy.step(waiting(1000, 1), Time{now});
  for (const std::int64_t pause : {10, 20, 40, 80, 160, 300, 300}) {
    now += 400 * second;
    EXPECT_EQ(asked(policy.step(waiting(1000, 1), Time{now})), 1u);
    policy.refused(Time{now});
    EXPECT_EQ(asked(policy.step(waiting(1000, 1), Time{now + pause * second - 1})), 0u);
  }
  // Not for ever, and no longer than at first once nothing waited.
  policy.step(waiting(0, 1), Time{now += 400 * second});
  policy.step(waiting(1000, 1), Time{now += second});
  EXPECT_EQ(asked(policy.step(waiting(1000, 1), Time{now += second})), 1u);
  policy.refused(Time{now});
  EXPECT_EQ(asked(policy.step(waiting(1000, 1), Time{now + 10 * second})), 1u);
}

TEST(ElasticRequests, AreTakenBackWhenNothingWaitsForThemAnyMore) {
  ElasticPolicy policy(limits());
  EXPECT_EQ(withdrawn(policy.step(waiting(2, 1, 5), Time{0})), 0u);
  EXPECT_EQ(withdrawn(policy.step(waiting(2, 1, 5), Time{second})), 3u);
  EXPECT_EQ(withdrawn(policy.step(waiting(2, 1, 2), Time{9 * second})), 0u);
}

TEST(ElasticRequests, AShortDipTakesNothingBack) {
  ElasticPolicy policy(limits());
  policy.step(waiting(0, 1, 5), Time{0});
  policy.step(waiting(100, 1, 5), Time{second / 2});
  EXPECT_EQ(withdrawn(policy.step(waiting(0, 1, 5), Time{second})), 0u);
}

ElasticView idle(bool added, bool holds) {
  ElasticView view;
  view.members.push_back({ExecutorId{3}, added, false, holds, false});
  return view;
}

TEST(ElasticGivingBack, AfterTheIdleTime) {
  ElasticPolicy policy(limits());
  EXPECT_TRUE(policy.step(idle(true, false), Time{0}).empty());
  EXPECT_TRUE(policy.step(idle(true, false), Time{60 * second - 1}).empty());
  EXPECT_EQ(given_back(policy.step(idle(true, false), Time{60 * second})), std::vector{3u});
}

TEST(ElasticGivingBack, NeverOneThatTheRunBeganWith) {
  ElasticPolicy policy(limits());
  policy.step(idle(false, false), Time{0});
  EXPECT_TRUE(policy.step(idle(false, false), Time{100000 * second}).empty());
}

TEST(ElasticGivingBack, WhatHoldsSomethingForALaterJobIsKeptTenTimesLonger) {
  ElasticPolicy policy(limits());
  policy.step(idle(true, true), Time{0});
  EXPECT_TRUE(policy.step(idle(true, true), Time{600 * second - 1}).empty());
  EXPECT_EQ(given_back(policy.step(idle(true, true), Time{600 * second})), std::vector{3u});
}

TEST(ElasticGivingBack, WorkStartsTheTimeAgain) {
  ElasticPolicy policy(limits());
  ElasticView view = idle(true, false);
  policy.step(view, Time{0});
  view.members[0].busy = true;  // also: a live job reads what it made
  EXPECT_TRUE(policy.step(view, Time{61 * second}).empty());
  view.members[0].busy = false;
  EXPECT_TRUE(policy.step(view, Time{62 * second}).empty());
  EXPECT_TRUE(policy.step(view, Time{121 * second}).empty());
  EXPECT_EQ(given_back(policy.step(view, Time{122 * second})), std::vector{3u});
}

TEST(ElasticGivingBack, OneThatLeavesIsNotNamedAgain) {
  ElasticPolicy policy(limits());
  ElasticView view = idle(true, false);
  policy.step(view, Time{0});
  EXPECT_EQ(given_back(policy.step(view, Time{60 * second})), std::vector{3u});
  view.members[0].leaving = true;
  EXPECT_TRUE(policy.step(view, Time{200 * second}).empty());
}

TEST(ElasticDecisions, CarryTheirReasons) {
  ElasticPolicy policy(limits());
  policy.step(waiting(7, 1), Time{0});
  const auto actions = policy.step(waiting(7, 1), Time{2 * second});
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(std::get<ExecutorsAsked>(actions[0]).reason,
            "7 tasks have waited for a slot for 2.0 s; 1 executors are there, 0 asked for, 8 allowed");
}

// A host that grants, refuses and loses at random: what is promised holds in every order.
TEST(ElasticRandom, LimitsHoldWhateverHappens) {
  const char* given = std::getenv("MILLRACE_TEST_SEED");
  const auto first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::uint64_t grown = 0, shrunk = 0, refusals = 0;
  for (std::uint64_t seed = first; seed < first + 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t bound) { return random() % bound; };
    const auto most = static_cast<std::uint32_t>(1 + below(20));
    ElasticPolicy policy(limits(most));
    ElasticView view;
    view.slots = static_cast<std::uint32_t>(1 + below(4));
    view.members.push_back({ExecutorId{0}, false, true, false, false});
    std::uint32_t next = 1;
    Time now{0};
    for (int round = 0; round < 500; ++round) {
      now.microseconds += static_cast<std::int64_t>(below(20 * second));
      if (below(4) == 0) view.waiting = below(3) == 0 ? 0 : below(100);
      for (auto& member : view.members) {
        if (below(3) == 0) member.busy = below(2) == 0;
        member.holds = below(5) == 0;
      }
      std::erase_if(view.members,
                    [&](const auto& member) { return member.leaving || (member.added && below(50) == 0); });
      const auto actions = policy.step(view, now);
      const std::uint64_t useful = (view.waiting + view.slots - 1) / view.slots;
      const std::uint32_t more = asked(actions), less = withdrawn(actions);
      EXPECT_FALSE(more > 0 && less > 0);
      if (more > 0) {
        EXPECT_LE(view.members.size() + view.outstanding + more, most);
        EXPECT_LE(view.outstanding + more, useful);
      }
      EXPECT_LE(less, view.outstanding);
      view.outstanding += more - less;
      grown += more;
      std::set<std::uint32_t> named;
      for (const std::uint32_t id : given_back(actions)) {
        EXPECT_TRUE(named.insert(id).second);
        auto member = std::find_if(view.members.begin(), view.members.end(),
                                   [&](const auto& each) { return each.id.value == id; });
        ASSERT_NE(member, view.members.end());
        EXPECT_TRUE(member->added && !member->busy && !member->leaving);
        member->leaving = true;
        ++shrunk;
      }
      while (view.outstanding > 0 && below(2) == 0) {
        --view.outstanding;
        if (below(4) == 0) {
          policy.refused(now);
          ++refusals;
        } else {
          view.members.push_back({ExecutorId{next++}, true, true, false, false});
        }
      }
    }
  }
  EXPECT_GT(grown, 1000u);
  EXPECT_GT(shrunk, 100u);
  EXPECT_GT(refusals, 100u);
}

}  // namespace
}  // namespace millrace::sched
