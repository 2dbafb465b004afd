#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "plan/node.h"

namespace millrace::exec {

/// Which task of a stage reads which splits, where tasks may go on with splits whose tasks have not begun. A split has
/// one task for good, and a task's splits only become more: every attempt of a task reads them all, in the same order,
/// and one that comes to the end of them when nothing is left to claim has read what the task stands for. Thread-safe.
class SplitClaims {
 public:
  /// The split at `place` in the list of the task, which is the task's own at first unless another took it. The list
  /// grows here; empty at its end.
  std::optional<std::uint32_t> split(StageId stage, std::uint32_t task, std::size_t place,
                                     const std::vector<plan::Split>& splits);

 private:
  struct Task {
    std::vector<std::uint32_t> splits;
    std::uint64_t bytes = 0;
  };
  struct Stage {
    std::vector<bool> taken;  // by split
    std::size_t next = 0;     // no split before it can be claimed
    std::map<std::uint32_t, Task> tasks;
    void claim(Task& task, std::uint32_t split, const plan::Split& input);
  };

  std::mutex mutex_;
  std::map<StageId, Stage> stages_;
};

}  // namespace millrace::exec
