#pragma once

#include <atomic>
#include <concepts>
#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "observe/event_queue.h"
#include "observe/logged.h"

namespace millrace::observe {

/// Hands every record to every observer, in the order in which observers were added. Any thread may publish, and pays
/// for little more than a copy of its records: they are kept in a queue, and handed over together some 20 ms later by a
/// thread of the stream, or by a publisher who finds the queue full, so that its memory is bounded. Observers are
/// called by one thread at a time. They are not owned and must outlive the stream or be removed.
class EventStream {
 public:
  EventStream() = default;
  /// Hands over what is left.
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  void add(Observer& observer);
  /// It is handed what was published before. It is not an error when it was never added. No call to it is under way
  /// when this returns.
  void remove(Observer& observer);

  /// False when nobody listens: the publisher may save itself the making of records.
  bool observed() const { return observed_.load(std::memory_order_relaxed); }

  /// A record whose time is before that of the last one is given the last one's time.
  void publish(Logged record);
  template <class... Values>
  void publish(Time at, std::variant<Values...> value) {
    publish(logged(at, std::move(value)));
  }
  /// A fact: publish(at, RunEnded{0, ""}).
  template <class Fact>
  requires std::constructible_from<Logged::Value, Fact>
  void publish(Time at, Fact fact) { publish({at, Logged::Value(std::move(fact))}); }
  /// What the scheduler was told and what it decided then, at the cost of one record.
  void publish(Time at, const sched::Event& event, std::span<const sched::Action> actions);
  void publish(Time at, std::span<const sched::Action> actions);

  /// All that was published before has been handed over when this returns. Observers must not call it.
  void settle();

 private:
  template <class Put>
  void put(Time at, Put put_records);
  void work();

  std::atomic<bool> observed_ = false;
  std::mutex handing_over_;  // taken before mutex_
  std::vector<Observer*> observers_;
  EventQueue taken_;  // what is being handed over
  std::mutex mutex_;  // guards all below
  std::condition_variable woken_;
  EventQueue queue_;
  Time last_;
  bool idle_ = false;  // the thread waits for a record
  bool stopping_ = false;
  std::thread thread_;  // from the first observer on
};

}  // namespace millrace::observe
