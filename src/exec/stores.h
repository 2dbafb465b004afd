#pragma once

#include <cstdint>
#include <string>

#include "exec/attempt.h"

namespace millrace::exec {

/// What the attempts of one process share, in the order in which it depends on one another: the budget of `tasks`
/// attempts at once, and the blocks, of which those in files go below `tmp`. `files` outlives it.
struct Stores {
  Stores(std::uint64_t memory_bytes, unsigned tasks, storage::FileSystem& files, const std::string& tmp,
         Carrier carrier)
      : memory(memory_bytes, tasks),
        blocks(memory, files, tmp, carrier),
        cache(blocks),
        environment{memory, blocks, shuffles, cache, files, key_counts} {}

  Memory memory;
  BlockStore blocks;
  ShuffleStore shuffles;
  CacheStore cache;
  KeyCounts key_counts;
  Environment environment;
};

}  // namespace millrace::exec
