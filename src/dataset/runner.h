#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include <millrace/options.h>

#include "plan/job.h"

namespace millrace::dataset {

/// What carries a job out: threads of this process, or a cluster. Owned by the session; any thread may call it.
class Runner {
 public:
  virtual ~Runner() = default;

  /// What the runner needs to know of a job beside its stages.
  struct Request {
    plan::Job job;
    std::string plan_text;                         ///< explain(), for the event log
    std::map<ShuffleId, std::uint32_t> map_tasks;  ///< of every shuffle in the job
    std::uint64_t shared = 0;                      ///< digest of the broadcast values that there are, for a journal
  };
  /// Runs it and hands the results over, block by block, in the order of the result stage's tasks. Blocks the caller.
  /// Throws Error with the cause of the failure, or whatever `result` throws (the job is then cancelled).
  virtual void run(Request request, const std::function<void(std::span<const std::byte>)>& result) = 0;

  /// Whether all tasks run in this process, so that elements may be references to what lies in its memory.
  virtual bool shares_memory() const = 0;
  /// Whether all tasks run on this machine while this process lives, so that elements may be references to what each
  /// of their processes has at the same address.
  virtual bool shares_machine() const = 0;

  virtual void drop_shuffle(ShuffleId shuffle) = 0;
  virtual void drop_cached(NodeId node) = 0;
  virtual std::uint32_t cached_partitions(NodeId node) const = 0;
  virtual std::uint64_t cached_bytes(NodeId node) const = 0;
  virtual std::int64_t counter(const std::string& name) const = 0;
};

}  // namespace millrace::dataset
