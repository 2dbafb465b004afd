#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <millrace/task.h>

#include "exec/cache_store.h"
#include "exec/kept_output.h"
#include "exec/memory.h"
#include "exec/remote_outputs.h"
#include "exec/shuffle_store.h"
#include "exec/source_input.h"
#include "exec/split_claims.h"
#include "plan/job.h"

namespace millrace::exec {

/// How many keys the tables of a stage's tasks had: tables of the same stage come out alike. Thread-safe.
class KeyCounts {
 public:
  internal::TableKeys of(StageId stage) const {
    const std::lock_guard lock(mutex_);
    const auto found = keys_.find(stage);
    return found == keys_.end() ? internal::TableKeys{} : found->second;
  }
  void saw(StageId stage, internal::TableKeys keys) {
    const std::lock_guard lock(mutex_);
    keys_[stage] = keys;
  }

 private:
  mutable std::mutex mutex_;
  std::map<StageId, internal::TableKeys> keys_;
};

/// What the tasks of one process share. All of it outlives every attempt.
struct Environment {
  Memory& memory;
  BlockStore& blocks;
  ShuffleStore& shuffles;
  CacheStore& cache;
  storage::FileSystem& files;
  KeyCounts& key_counts;
  /// Where all tasks of a stage run in this process; null: a task reads its own split alone.
  SplitClaims* split_claims = nullptr;
  // Where there are other processes:
  ExecutorId self{};                       ///< this process
  RemoteOutputs* outputs = nullptr;        ///< null: all map outputs are in `shuffles`
  const KeptOutputs* kept = nullptr;       ///< not null: all map outputs are in files there, and so are results
  RemoteBroadcasts* broadcasts = nullptr;  ///< null: all values are in the broadcast store
};

/// A record that was skipped because a function failed on it.
struct BadRecord {
  std::string path;
  std::uint64_t offset = 0;
  std::string content;
  std::string message;
};

/// The file and byte where a record begins.
using RecordPlace = std::pair<std::string, std::uint64_t>;

/// What to run.
struct TaskSpec {
  const plan::Stage* stage = nullptr;
  std::uint32_t task = 0;  ///< the index in the stage
  std::uint32_t attempt = 0;
  std::map<ShuffleId, std::uint32_t> map_tasks;  ///< of the shuffles that the stage reads
  /// Where the outputs of those map tasks are; a shuffle that is not in it is all in this process.
  std::map<ShuffleId, std::shared_ptr<const MapLocations>> locations;
  CachedElsewhere cached;        ///< of what it may read, the partitions that others have and this process has not
  std::string output_directory;  ///< of this attempt; empty when the stage writes no files
  std::string output_file;       ///< where its output outlives the process; empty: it does not
  std::atomic<std::int64_t>* skips_left = nullptr;  ///< of the job; null when bad records may not be skipped
  std::map<RecordPlace, std::string> known_bad;     ///< records that earlier tries failed on, and how
};

struct AccumulatorValue {
  std::vector<std::byte> value;
  void (*merge)(std::vector<std::byte>&, std::span<const std::byte>) = nullptr;
};

struct LostOutput {
  ShuffleId shuffle;
  std::uint32_t map_task = 0;
};

/// How an attempt ended.
struct TaskResult {
  bool succeeded = false;
  Cause cause = Cause::internal;  ///< of a failure
  std::string message;
  std::vector<LostOutput> lost;           ///< of lost_input
  std::optional<RecordPlace> bad_record;  ///< of the record that failed after some of it had been delivered
  Output output;
  std::map<std::uint32_t, AccumulatorValue> accumulators;
  std::map<std::string, std::int64_t> counters;
  std::vector<BadRecord> bad_records;
  std::uint64_t skipped_records = 0;
  std::uint64_t records_in = 0, bytes_in = 0, records_out = 0, bytes_out = 0;
  std::uint64_t shuffle_bytes_read = 0, spills = 0, spilled_bytes = 0, peak_memory = 0;
};

/// Runs one attempt of one task in the calling thread. Between its construction and the end of run() another thread may
/// call stop().
class Attempt final : public TaskContext {
 public:
  Attempt(Environment& environment, TaskSpec spec);
  ~Attempt() override;

  /// Never throws for what the task does.
  TaskResult run();
  /// Input bytes used so far, for progress; any thread.
  std::uint64_t progress_bytes() const { return progress_.load(std::memory_order_relaxed); }

  /// The bytes of input_path() that the task reads, while it is not at its end.
  std::pair<std::uint64_t, std::uint64_t> input_range() const { return {last_split_begin_, last_split_end_}; }
  AttemptId id() const { return {spec_.stage->id, PartitionId{spec_.task}, spec_.attempt}; }

  std::string_view input_path() const override;
  std::uint64_t input_offset() const override;
  void add_to_counter(std::string_view counter, std::int64_t amount) override;
  std::unique_ptr<internal::PartFile> side_file(std::string_view name) override;
  internal::PartFile& side_output(std::string_view name) override;
  std::span<const std::byte> closure() const override { return spec_.stage->closure; }
  std::unique_ptr<internal::BufferInput> open_source(std::uint32_t node, std::uint32_t partition) override;
  void read_more_splits() override;
  std::span<const std::byte> source_split(std::uint32_t node, std::uint32_t partition) override;
  std::unique_ptr<internal::BlockStream> open_shuffle(std::uint32_t shuffle, std::uint32_t partition) override;
  internal::ShuffleWriter& output() override { return *output_; }
  std::unique_ptr<internal::RecordSorter> sorter(const internal::RecordOrder& order) override;
  std::unique_ptr<internal::PartFile> part_file() override;
  internal::Pages try_pages(std::size_t bytes) override;
  internal::Pages pages(std::size_t bytes) override;
  std::size_t merge_fan_in() const override;
  internal::TableKeys expected_keys() const override { return environment_.key_counts.of(spec_.stage->id); }
  void saw_keys(internal::TableKeys keys) override { environment_.key_counts.saw(spec_.stage->id, keys); }
  bool try_reserve(std::size_t bytes) override;
  void release(std::size_t bytes) override;
  std::unique_ptr<internal::ShuffleWriter> spill_writer(std::uint32_t partitions) override;
  std::unique_ptr<internal::BlockStream> read_spill(internal::ShuffleWriter& writer, std::uint32_t partition) override;
  std::unique_ptr<internal::BlockStream> cached(std::uint32_t node, std::uint32_t partition) override;
  std::unique_ptr<internal::ShuffleWriter> cache_writer(std::uint32_t node, std::uint32_t partition) override;
  void keep_cached(std::uint32_t node, std::uint32_t partition,
                   std::unique_ptr<internal::ShuffleWriter> writer) override;
  std::span<const std::byte> broadcast(std::uint32_t id) override;
  void add_to_accumulator(std::uint32_t id, std::span<const std::byte> value,
                          void (*merge)(std::vector<std::byte>&, std::span<const std::byte>)) override;
  bool is_known_bad(std::string_view record) override;
  void skip_record(std::string_view record) override;

 private:
  class ClaimedSplits;
  class TrackedSource;
  class LimitedOutput;
  class TrackedShuffle;
  class MixedShuffle;
  class KeptShuffle;
  class TrackedCache;

  std::function<internal::Pages(std::size_t)> page_source() {
    return [this](std::size_t bytes) { return pages(bytes); };
  }
  std::shared_ptr<const Output> fetch_cached(NodeId node, std::uint32_t partition);
  const plan::Source& source(std::uint32_t node) const;
  std::unique_ptr<SourceInput> open_split(const plan::Source& from, std::uint32_t split);
  [[noreturn]] void throw_lost(ShuffleId shuffle, const std::vector<std::uint32_t>& map_tasks);
  std::unique_ptr<internal::PartFile> create_file(const std::string& name);
  void reserve(std::size_t bytes);
  void describe_failure(TaskResult& result, Cause cause, const std::string& what);
  void keep_bad_record(std::string_view record, std::string message);
  std::string blamed_operation() const;
  std::string place() const;

  Environment& environment_;
  const TaskSpec spec_;
  const std::uint32_t cache_generation_;  // when it began
  std::unique_ptr<BlockWriter> output_;
  TrackedSource* source_ = nullptr;  // the one that was opened last, while it is open
  std::string last_path_;
  std::uint64_t last_offset_ = 0;
  std::map<std::string, std::unique_ptr<internal::PartFile>, std::less<>> side_outputs_;
  std::uint64_t last_split_begin_ = 0;
  std::uint64_t last_split_end_ = 0;
  std::size_t reserved_ = 0;
  bool claims_splits_ = false;
  std::atomic<std::uint64_t> progress_{0};
  std::uint64_t known_skips_ =
      0;  // of the skipped records: those that were known, and taken from the allowance, before
  TaskResult result_;
};

}  // namespace millrace::exec
