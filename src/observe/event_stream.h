#pragma once

#include <concepts>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include "observe/logged.h"

namespace millrace::observe {

/// Hands every record to every observer, in the order in which observers were added. Any thread may publish; observers
/// are called one at a time, on the publishing thread. They are not owned and must outlive the stream or be removed.
class EventStream {
 public:
  void add(Observer& observer);
  /// It is not an error when it was never added. No call to it is under way when this returns.
  void remove(Observer& observer);

  /// False when nobody listens: the publisher may save itself the making of records.
  bool observed() const;

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

 private:
  mutable std::mutex mutex_;
  std::vector<Observer*> observers_;
  Time last_;
};

}  // namespace millrace::observe
