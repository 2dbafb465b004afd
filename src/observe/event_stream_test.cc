#include "observe/event_stream.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
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
  stream.settle();
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
  stream.settle();
  EXPECT_EQ(recorder.times.size(), 1u);
  EXPECT_FALSE(stream.observed());
}

TEST(EventStreamTest, ObserversAreToldSoonWithoutBeingAskedFor) {
  struct Flag : Observer {
    void on(const Logged&) override { told = true; }
    std::atomic<bool> told = false;
  } flag;
  EventStream stream;
  stream.add(flag);
  for (int pass = 0; pass < 5; ++pass) {
    stream.publish(Time{1}, sched::Event(sched::Tick{}));
    stream.settle();
    flag.told = false;
    stream.publish(Time{1}, sched::Event(sched::Tick{}));
    while (!flag.told.exchange(false)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  stream.remove(flag);
}

TEST(EventStreamTest, AStepIsToldInItsOrder) {
  struct Kinds : Observer {
    void on(const Logged& record) override { seen.push_back(record.value.index()); }
    std::vector<std::size_t> seen;
  } kinds;
  EventStream stream;
  stream.add(kinds);
  const std::vector<sched::Action> actions{sched::TaskCommitted{}, sched::LaunchTask{}};
  stream.publish(Time{1}, sched::Event(sched::TaskSucceeded{}), actions);
  stream.remove(kinds);
  EXPECT_EQ(kinds.seen, (std::vector<std::size_t>{Logged::Value(sched::TaskSucceeded{}).index(),
                                                  Logged::Value(sched::TaskCommitted{}).index(),
                                                  Logged::Value(sched::LaunchTask{}).index()}));
}

TEST(EventStreamTest, MoreThanTheQueueHoldsArrivesWhole) {
  Recorder recorder;
  EventStream stream;
  stream.add(recorder);
  const sched::Event event = sched::JobCancelled{JobId{1}, std::string(1000, 'x')};
  const std::size_t count = 5 * EventQueue::full_bytes / 1000;
  for (std::size_t i = 0; i < count; ++i) stream.publish(Time{1}, event);
  stream.settle();
  EXPECT_EQ(recorder.times.size(), count);
  stream.remove(recorder);
}

TEST(EventStreamTest, EventsAndActionsBecomeRecords) {
  const Logged event = logged(Time{1}, sched::Event(sched::JobCancelled{JobId{3}, "why"}));
  EXPECT_EQ(std::get<sched::JobCancelled>(event.value).reason, "why");
  const Logged action = logged(Time{2}, sched::Action(sched::JobFailed{JobId{3}, Cause::input, "why"}));
  EXPECT_EQ(std::get<sched::JobFailed>(action.value).cause, Cause::input);
}

}  // namespace
}  // namespace millrace::observe
