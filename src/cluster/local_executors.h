#pragma once

#include <memory>

#include <millrace/options.h>

#include "cluster/executors.h"
#include "cluster/task_slots.h"
#include "exec/stores.h"

namespace millrace::cluster {

/// This process as the only executor, with as many slots as threads: no socket, no other process. With no threads
/// (--threads 0) the caller of the job runner runs the tasks itself, in order.
class LocalExecutors final : public Executors {
 public:
  /// `kept` is where outputs outlive the process; null: they do not.
  LocalExecutors(const Options& options, storage::FileSystem& files, const exec::KeptOutputs* kept = nullptr);

  void start(ExecutorListener& listener) override;
  void adopt(Launch) override {}  // the attempts of a driver's own threads end with it
  void launch(Launch launch) override { slots_->push(std::move(launch)); }
  void kill(const AttemptId& attempt, ExecutorId) override { slots_->kill(attempt); }
  void keep(ShuffleId shuffle, std::uint32_t map_task, ExecutorId, exec::Output output) override {
    stores_.shuffles.put(shuffle, map_task, std::move(output));
  }
  std::optional<ExecutorId> holder(ShuffleId shuffle, std::uint32_t map_task) const override {
    return stores_.shuffles.has(shuffle, map_task) ? std::optional(ExecutorId{0}) : std::nullopt;
  }
  void lose(ShuffleId shuffle, std::uint32_t map_task) override { stores_.shuffles.lose(shuffle, map_task); }
  void drop_shuffle(ShuffleId shuffle) override { stores_.shuffles.drop(shuffle); }
  void drop_cached(NodeId node) override { stores_.cache.drop(node); }
  void drop_job(JobId) override {}
  std::uint32_t cached_partitions(NodeId node) const override { return stores_.cache.partitions(node); }
  std::uint64_t cached_bytes(NodeId node) const override { return stores_.cache.bytes(node); }
  std::vector<ExecutorId> cache_holders(NodeId, std::uint32_t) const override { return {}; }
  void progress(const VisitProgress& visit) const override {
    slots_->progress([&](const AttemptId& attempt, std::uint64_t bytes) { visit(attempt, ExecutorId{0}, bytes); });
  }
  bool shares_memory() const override { return true; }
  bool shares_machine() const override { return true; }
  bool outputs_die_with_executor() const override { return false; }
  exec::Memory& memory() override { return stores_.memory; }
  exec::TaskResult run_here(exec::TaskSpec spec) override;
  bool in_calling_thread() const override { return threads_ == 0; }
  bool run_next() override { return slots_->run_next(); }
  void stop(std::chrono::milliseconds patience) override { slots_->stop(patience); }

 private:
  const unsigned threads_;
  exec::Stores stores_;
  exec::SplitClaims split_claims_;
  std::unique_ptr<TaskSlots> slots_;
};

}  // namespace millrace::cluster
