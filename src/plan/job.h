#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>

#include "plan/node.h"

// A job cut into stages: plain values that can be printed, written down as bytes, and run by any process of the same
// executable.

namespace millrace::plan {

/// The order in which shuffled blocks reach a reading task is that of the map tasks.
struct ShuffleOutput {
  ShuffleId shuffle;
  std::uint32_t partitions = 0;
};

/// How much the tasks of a result stage may give together, because the driver keeps it all in memory.
struct ResultLimit {
  std::uint64_t bytes = 0;
  std::string action;  ///< "collect (job.cpp:14)"
  /// Throws the Error(usage) that tells the user what to do when `given` bytes are more.
  void check(std::uint64_t given) const;
};

/// What the tasks of a stage have in common. A task is a stage, a partition and an attempt number.
struct Stage {
  StageId id;
  std::string name;                       ///< the operations, "read_text > flat_map > reduce_by_key"
  std::vector<std::uint32_t> partitions;  ///< the dataset's partition of each task
  std::vector<StageId> parents;
  std::uint64_t code = 0;  ///< offset in the executable of void(TaskContext&)
  std::vector<std::byte> closure;
  std::map<NodeId, Source> sources;          ///< what the tasks may read
  std::map<NodeId, CacheLevel> cached;       ///< what the tasks may find cached, or keep
  std::map<NodeId, std::string> operations;  ///< "map (job.cpp:14)", for failures
  std::vector<ShuffleId> reads;
  std::vector<MappedArea> refers_to;    ///< what the elements lie in that it reads, where those are references
  std::optional<ShuffleOutput> output;  ///< empty: the result stage, whose output goes to the driver
  std::string output_directory;         ///< where part files go; empty: the stage writes none
  std::string part_suffix;
  std::uint64_t input_bytes = 0;
  std::optional<ResultLimit> result_limit;
};

struct Job {
  JobId id;
  std::string name;           ///< "write_text (job.cpp:14)"
  std::vector<Stage> stages;  ///< parents before children; the last is the result stage
};

/// The result of a job: which node, and the code that each of its partitions runs.
struct Result {
  NodePtr node;
  std::string name;
  std::uint64_t code = 0;
  std::vector<std::byte> closure;
  std::vector<std::uint32_t> partitions;  ///< empty: all
  std::string output_directory;
  std::string part_suffix;
};

/// Cuts at shuffles. Stage numbers: a shuffle's stage has the number that `stage_of` gives it, the same in every job;
/// the result stage has `result_stage`.
Job cut(const Result& result, JobId job, StageId result_stage, const std::function<StageId(ShuffleId)>& stage_of);

/// The lineage with its stages as text: one operation a line, indented by stage. `note` may add to a line.
std::string explain(const NodePtr& node, const std::function<std::string(const Node&)>& note);

/// A stage as bytes and back, between processes of one build. decode_stage throws Error(bad_data) for anything
/// that encode_stage did not write.
std::vector<std::byte> encode_stage(const Stage& stage);
Stage decode_stage(std::span<const std::byte> bytes);

}  // namespace millrace::plan
