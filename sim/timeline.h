#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

namespace millrace::sim {

/// Virtual time: what is to happen, in the order of its time, and of its planning among equals.
class Timeline {
 public:
  using Microseconds = std::int64_t;

  Microseconds now() const noexcept { return now_; }
  std::size_t size() const noexcept { return planned_.size(); }

  /// REQUIRES: `delay` is not negative.
  void after(Microseconds delay, std::function<void()> what) {
    planned_.push({now_ + delay, next_++, std::move(what)});
  }

  /// Lets the next thing happen. False when there is none.
  bool step() {
    if (planned_.empty()) return false;
    const std::function<void()> what = std::move(planned_.top().what);
    now_ = planned_.top().at;
    planned_.pop();
    what();
    return true;
  }

 private:
  struct Planned {
    Microseconds at = 0;
    std::uint64_t number = 0;
    mutable std::function<void()> what;  // moved out of the queue's top, which is const
  };
  struct Later {
    bool operator()(const Planned& left, const Planned& right) const {
      return std::pair(left.at, left.number) > std::pair(right.at, right.number);
    }
  };

  Microseconds now_ = 0;
  std::uint64_t next_ = 0;
  std::priority_queue<Planned, std::vector<Planned>, Later> planned_;
};

}  // namespace millrace::sim
