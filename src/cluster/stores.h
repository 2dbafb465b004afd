#pragma once

#include <algorithm>

#include <millrace/options.h>

#include "exec/attempt.h"

namespace millrace::cluster {

/// What the attempts of one process share, in the order in which it depends on one another.
struct Stores {
  Stores(const Options& options, storage::FileSystem& files, exec::Carrier carrier)
      : memory(options.memory_bytes, std::max(options.threads, 1u)),
        blocks(memory, files, options.tmp, carrier),
        cache(blocks),
        environment{memory, blocks, shuffles, cache, files, key_counts} {}

  exec::Memory memory;
  exec::BlockStore blocks;
  exec::ShuffleStore shuffles;
  exec::CacheStore cache;
  exec::KeyCounts key_counts;
  exec::Environment environment;
};

}  // namespace millrace::cluster
