#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/ids.h"
#include "exec/block_store.h"

namespace millrace::exec {

/// The outputs of the map tasks that finished in this process, until their shuffle is dropped. Those of other processes
/// come through RemoteOutputs. Thread-safe.
class ShuffleStore {
 public:
  /// Replaces what an earlier attempt put there.
  void put(ShuffleId shuffle, std::uint32_t map_task, Output output);
  bool has(ShuffleId shuffle, std::uint32_t map_task) const;
  /// Null when it is not there.
  std::shared_ptr<const Output> output(ShuffleId shuffle, std::uint32_t map_task) const;
  /// The blocks of a partition in the order of the map tasks. Map tasks that are missing are appended to `lost`.
  struct MapBlocks {
    std::uint32_t map_task = 0;
    std::vector<StoredBlock> blocks;
  };
  std::vector<MapBlocks> blocks(ShuffleId shuffle, std::uint32_t map_tasks, std::uint32_t partition,
                                std::vector<std::uint32_t>& lost) const;
  void lose(ShuffleId shuffle, std::uint32_t map_task);
  void drop(ShuffleId shuffle);

 private:
  mutable std::mutex mutex_;
  std::map<ShuffleId, std::map<std::uint32_t, std::shared_ptr<const Output>>> outputs_;
};

}  // namespace millrace::exec
