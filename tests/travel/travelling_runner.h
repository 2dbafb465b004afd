#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "dataset/runner.h"
#include "exec/attempt.h"
#include "tests/travel/parcel.h"

namespace millrace::travel {

/// Runs jobs one task after the other in the calling thread, and has a second process of the same executable run tasks
/// of every stage once more: from the stage's bytes, the blocks that it reads and the broadcast values alone. Where
/// the two do not come to the same it adds a test failure. One thread.
class TravellingRunner final : public dataset::Runner {
 public:
  /// `folder` exists, is empty, and is for all files.
  TravellingRunner(std::string folder, std::uint64_t memory_bytes);

  void run(Request request, const std::function<void(std::span<const std::byte>)>& result) override;
  bool shares_memory() const override { return false; }
  bool shares_machine() const override { return false; }
  void drop_shuffle(ShuffleId shuffle) override { shuffles_.drop(shuffle); }
  void drop_cached(NodeId node) override { cache_.drop(node); }
  std::uint32_t cached_partitions(NodeId node) const override { return cache_.partitions(node); }
  std::uint64_t cached_bytes(NodeId node) const override { return cache_.bytes(node); }
  std::int64_t counter(const std::string& name) const override;

  /// The names of the stages whose tasks went to the second process.
  const std::set<std::string>& travelled() const { return travelled_; }

 private:
  exec::Output run_task(const plan::Stage& stage, std::uint32_t task, const Request& request,
                        const std::string& output_directory);
  Outcome send(const plan::Stage& stage, std::uint32_t task, const Request& request, bool writes_files);
  ShippedShuffle ship(ShuffleId shuffle, std::uint32_t map_tasks, std::uint32_t partitions);

  const std::string folder_;
  const std::uint64_t memory_bytes_;
  exec::Memory memory_;
  exec::BlockStore blocks_;
  exec::ShuffleStore shuffles_;
  exec::CacheStore cache_;
  std::map<ShuffleId, std::uint32_t> partitions_;  // of the shuffles that have been run
  std::map<std::string, std::int64_t> counters_;
  std::set<std::string> travelled_;
  std::uint32_t sent_ = 0;
};

}  // namespace millrace::travel
