#include "observe/event_queue.h"

#include <cstddef>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

#include "observe/event_encoder.h"
#include "observe/one_of_each.h"

namespace millrace::observe {
namespace {

std::vector<Logged> take(EventQueue& queue) {
  std::vector<Logged> records;
  queue.take([&](const Logged& record) { records.push_back(record); });
  return records;
}

std::string text_of(const std::vector<Logged>& records) {
  std::string text;
  for (const Logged& record : records) append_event(text, record);
  return text;
}

TEST(EventQueueTest, GivesBackWhatItWasGivenOfEveryKind) {
  const std::vector<Logged> records = one_of_each();
  std::set<std::size_t> kinds;
  for (const Logged& record : records) kinds.insert(record.value.index());
  EXPECT_EQ(kinds.size(), std::variant_size_v<Logged::Value>);
  EventQueue queue;
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_TRUE(queue.empty());
    for (const Logged& record : records) queue.put(record.at, record.value);
    EXPECT_FALSE(queue.empty());
    EXPECT_EQ(text_of(take(queue)), text_of(records)) << "pass " << pass;
  }
}

TEST(EventQueueTest, TakesEventsAndActionsAsTheyAre) {
  EventQueue queue;
  queue.put(Time{-5}, sched::Event(sched::JobCancelled{JobId{3}, "why"}));
  queue.put(Time{7}, sched::Action(sched::JobFailed{JobId{3}, Cause::input, ""}));
  const std::vector<Logged> records = take(queue);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].at, Time{-5});
  EXPECT_EQ(std::get<sched::JobCancelled>(records[0].value).reason, "why");
  EXPECT_EQ(std::get<sched::JobFailed>(records[1].value).cause, Cause::input);
}

TEST(EventQueueTest, GrowsForARecordThatIsLargerThanItIs) {
  sched::JobSpec job{JobId{1}, std::string(3 * EventQueue::full_bytes, 'x'), {}};
  job.stages.push_back({StageId{0}, "many", 200'000, {}, std::vector<bool>(200'000, true), 0});
  job.stages[0].places.resize(50'000, {{ExecutorId{1}}, {"a host with a long name"}, true});
  const Logged large{Time{2}, sched::JobSubmitted{job}};
  EventQueue queue;
  queue.put(Time{1}, Logged::Value(sched::Tick{}));
  EXPECT_FALSE(queue.full());
  queue.put(large.at, large.value);
  queue.put(Time{3}, Logged::Value(sched::Tick{}));
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(text_of(take(queue)), text_of({{Time{1}, sched::Tick{}}, large, {Time{3}, sched::Tick{}}}));
  EXPECT_FALSE(queue.full());
}

}  // namespace
}  // namespace millrace::observe
