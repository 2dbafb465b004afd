#include "observe/event_stream.h"

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace millrace::observe {
namespace {

// Nobody sees a view change faster, and a thread that woke for each record would cost more than the views.
constexpr std::chrono::milliseconds between_deliveries{20};

}  // namespace

EventStream::~EventStream() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_one();
  if (thread_.joinable()) thread_.join();
  settle();
}

void EventStream::add(Observer& observer) {
  settle();  // it is told of what is published from now on
  const std::lock_guard lock(handing_over_);
  observers_.push_back(&observer);
  observed_ = true;
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
}

void EventStream::remove(Observer& observer) {
  settle();
  const std::lock_guard lock(handing_over_);
  observers_.erase(std::remove(observers_.begin(), observers_.end(), &observer), observers_.end());
  observed_ = !observers_.empty();
}

template <class Put>
void EventStream::put(Time at, Put put_records) {
  std::unique_lock lock(mutex_);
  last_ = std::max(at, last_);
  put_records(last_);
  const bool full = queue_.full();
  const bool wake = std::exchange(idle_, false);
  lock.unlock();
  if (wake) woken_.notify_one();
  if (full) settle();
}

void EventStream::publish(Logged record) {
  put(record.at, [&](Time at) { queue_.put(at, record.value); });
}

void EventStream::publish(Time at, const sched::Event& event, std::span<const sched::Action> actions) {
  put(at, [&](Time time) {
    queue_.put(time, event);
    for (const sched::Action& action : actions) queue_.put(time, action);
  });
}

void EventStream::publish(Time at, std::span<const sched::Action> actions) {
  put(at, [&](Time time) {
    for (const sched::Action& action : actions) queue_.put(time, action);
  });
}

void EventStream::settle() {
  const std::lock_guard handing_over(handing_over_);
  {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return;
    std::swap(queue_, taken_);
  }
  std::vector<std::unique_lock<std::mutex>> held;
  for (Observer* observer : observers_) held.push_back(observer->hold());
  taken_.take([this](const Logged& record) {
    for (Observer* observer : observers_) observer->on(record);
  });
}

void EventStream::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    while (!stopping_ && queue_.empty()) {
      idle_ = true;  // each time: a publisher may have taken what it woke this thread for
      woken_.wait(lock);
    }
    idle_ = false;
    if (woken_.wait_for(lock, between_deliveries, [this] { return stopping_; })) return;
    lock.unlock();
    settle();
    lock.lock();
  }
}

}  // namespace millrace::observe
