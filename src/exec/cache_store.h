#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "base/ids.h"
#include "exec/block_store.h"
#include "plan/node.h"

namespace millrace::exec {

/// Partitions of persisted datasets. When shuffles or other datasets need the memory, the partitions that were used
/// longest ago go: those of level memory are dropped and will be computed again, those of memory_and_disk move to disk.
/// Thread-safe.
class CacheStore {
 public:
  explicit CacheStore(BlockStore& blocks);
  ~CacheStore();

  /// Is told of every partition that comes, with its bytes, and of every one that goes, with none. Called under the
  /// store's lock; set before the store is used.
  void set_observer(std::function<void(NodeId, std::uint32_t partition, std::optional<std::uint64_t> bytes)> observer) {
    observer_ = std::move(observer);
  }

  /// The blocks of a partition, or null.
  std::shared_ptr<const Output> get(NodeId node, std::uint32_t partition);
  bool has(NodeId node, std::uint32_t partition) const;
  void put(NodeId node, std::uint32_t partition, plan::CacheLevel level, Output output) {
    put(node, partition, level, std::move(output), generation());
  }
  /// Is not taken when begin_anew() was called since the generation: the number may mean another dataset by now.
  void put(NodeId node, std::uint32_t partition, plan::CacheLevel level, Output output, std::uint32_t generation);
  std::uint32_t generation() const;
  /// The numbers of datasets are those of another driver from here on: what is there goes.
  void begin_anew();
  void drop(NodeId node);
  void drop(NodeId node, std::uint32_t partition);
  std::uint32_t partitions(NodeId node) const;
  std::uint64_t bytes(NodeId node) const;

 private:
  using Key = std::pair<NodeId, std::uint32_t>;
  struct Entry {
    std::shared_ptr<const Output> output;
    plan::CacheLevel level;
    bool in_memory;
    std::list<Key>::iterator use;
  };
  // Frees memory of the partitions used longest ago until `bytes` are free or none is left; false when nothing went.
  bool evict(std::uint64_t bytes);
  // Null when the disk does not take it: whoever is short of memory is not to blame, and there is the lineage.
  std::shared_ptr<const Output> to_disk(const Output& output);

  void tell(const Key& key, std::optional<std::uint64_t> bytes) const {
    if (observer_) observer_(key.first, key.second, bytes);
  }

  BlockStore& blocks_;
  std::function<void(NodeId, std::uint32_t, std::optional<std::uint64_t>)> observer_;
  mutable std::mutex mutex_;
  std::map<Key, Entry> entries_;
  std::list<Key> uses_;  // the oldest first
  std::uint32_t generation_ = 0;
};

}  // namespace millrace::exec
