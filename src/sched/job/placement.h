#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "base/ids.h"

namespace millrace::sched {

/// The executors that have a free slot, and which of them a task is given to: the one with the most free slots, the
/// lowest id among equals, and not the one where the task failed last when there is another.
class Placement {
 public:
  bool empty() const noexcept { return free_.empty(); }

  /// Says that `executor` had `before` free slots and has `after` now.
  void change(ExecutorId executor, std::uint32_t before, std::uint32_t after) {
    if (before == after) return;
    if (before == 0) {
      free_.insert({~after, executor});
    } else if (after == 0) {
      free_.erase({~before, executor});
    } else {
      auto node = free_.extract({~before, executor});
      node.value() = {~after, executor};
      free_.insert(std::move(node));
    }
  }

  /// REQUIRES: not empty().
  ExecutorId choose(std::optional<ExecutorId> failed_on) const {
    auto best = free_.begin();
    if (failed_on && best->second == *failed_on && free_.size() > 1) ++best;
    return best->second;
  }

 private:
  std::set<std::pair<std::uint32_t, ExecutorId>> free_;  // by complement of free slots: most first
};

}  // namespace millrace::sched
