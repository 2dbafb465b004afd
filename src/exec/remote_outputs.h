#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include <millrace/task.h>

#include "base/ids.h"

namespace millrace::exec {

/// Where the map tasks of a shuffle left their outputs, by map task.
using MapLocations = std::vector<ExecutorId>;

/// Which other executor has a cached partition.
using CachedElsewhere = std::map<std::pair<NodeId, std::uint32_t>, ExecutorId>;

/// What one other executor holds of a partition, as a stream of the blocks of several map tasks. One thread.
class RemoteStream {
 public:
  virtual ~RemoteStream() = default;
  /// The next block of `map_task`; false when it has no more. Map tasks are asked for in the order in which the stream
  /// was opened for them. Throws Error(lost_input) when the block is gone or broken, or its executor does not answer.
  virtual bool next(std::uint32_t map_task, internal::Block& block) = 0;
  /// After an error: whether none of the executor's outputs can be had, rather than one of them.
  virtual bool unreachable() const = 0;
};

/// Reads the outputs of map tasks that ran in other processes, and what those have cached. Thread-safe; outlives its
/// streams.
class RemoteOutputs {
 public:
  virtual ~RemoteOutputs() = default;
  /// `map_tasks` rise. Memory for blocks comes from `take_pages`. What the stream reads is added to *bytes_read.
  /// Throws nothing for an executor that cannot be reached: the stream's first next() does.
  virtual std::unique_ptr<RemoteStream> open(ExecutorId executor, ShuffleId shuffle, std::uint32_t partition,
                                             std::vector<std::uint32_t> map_tasks,
                                             std::function<internal::Pages(std::size_t)> take_pages,
                                             std::uint64_t* bytes_read) = 0;
  /// The blocks of a cached partition that another executor has. Here and in next() throws Error(lost_input) when it
  /// has it no more, Error(lost_node) when it does not answer; either way it can be computed.
  virtual std::unique_ptr<internal::BlockStream> open_cached(ExecutorId executor, NodeId node, std::uint32_t partition,
                                                             std::function<internal::Pages(std::size_t)> take_pages,
                                                             std::uint64_t* bytes_read) = 0;
};

/// Gets the broadcast values that this process does not have yet. Thread-safe.
class RemoteBroadcasts {
 public:
  virtual ~RemoteBroadcasts() = default;
  /// Puts the value into the broadcast store. Throws Error(lost_node) when nobody gives it, Error(usage) when there is
  /// none of this number (any more).
  virtual void fetch(std::uint32_t id) = 0;
};

}  // namespace millrace::exec
