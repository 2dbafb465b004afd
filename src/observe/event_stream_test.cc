#include "observe/event_stream.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace millrace::observe {
namespace {

struct Recorder : Observer {
  void on(const Logged& record) override {
    ASSERT_EQ(inside++, 0) << "called by two threads at once";
    times.push_back(record.at);
    --inside;
  }
  int inside = 0;
  std::vector<Time> times;
};

TEST(EventStreamTest, EveryObserverSeesEveryRecordInOneOrder) {
  EventStream stream;
  EXPECT_FALSE(stream.observed());
  Recorder first, second;
  stream.add(first);
  stream.add(second);
  EXPECT_TRUE(stream.observed());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) stream.publish(Time{i}, sched::Event(sched::Tick{}));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(first.times.size(), 4000u);
  EXPECT_EQ(first.times, second.times);
  EXPECT_TRUE(std::is_sorted(first.times.begin(), first.times.end()));
}

TEST(EventStreamTest, ARemovedObserverIsLeftAlone) {
  EventStream stream;
  Recorder recorder;
  stream.add(recorder);
  stream.publish(Time{1}, RunEnded{});
  stream.remove(recorder);
  stream.remove(recorder);
  stream.publish(Time{2}, RunEnded{});
  EXPECT_EQ(recorder.times.size(), 1u);
  EXPECT_FALSE(stream.observed());
}

TEST(EventStreamTest, EventsAndActionsBecomeRecords) {
  const Logged event = logged(Time{1}, sched::Event(sched::JobCancelled{JobId{3}, "why"}));
  EXPECT_EQ(std::get<sched::JobCancelled>(event.value).reason, "why");
  const Logged action = logged(Time{2}, sched::Action(sched::JobFailed{JobId{3}, Cause::input, "why"}));
  EXPECT_EQ(std::get<sched::JobFailed>(action.value).cause, Cause::input);
}

}  // namespace
}  // namespace millrace::observe
