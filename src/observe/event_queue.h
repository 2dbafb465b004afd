#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "observe/logged.h"

namespace millrace::observe {

/// Records on their way to the views, packed into bytes: a tenth of a record's size, one piece of memory for all of
/// them, and nothing to free for each. The bytes never leave the process. Not thread-safe.
class EventQueue {
 public:
  static constexpr std::size_t full_bytes = std::size_t{1} << 20;

  void put(Time at, const Logged::Value& value);
  void put(Time at, const sched::Event& event);
  void put(Time at, const sched::Action& action);

  bool empty() const noexcept { return used_ == 0; }
  /// It is time to take out what is in it. Nothing is refused for that: it grows.
  bool full() const noexcept { return used_ >= full_bytes; }

  /// Calls `visit` with each record, in order, and forgets them; keeps the memory, unless it had to grow.
  void take(const std::function<void(const Logged&)>& visit);

 private:
  friend class EventPacker;

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t used_ = 0, room_ = 0;
};

}  // namespace millrace::observe
