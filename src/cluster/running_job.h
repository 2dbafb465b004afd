#pragma once

#include <atomic>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "cluster/executors.h"
#include "dataset/runner.h"
#include "storage/commit.h"

namespace millrace::cluster {

/// A job from its submission until its caller has the results. Guarded by the runner's mutex.
struct RunningJob {
  /// As which the skipped records are committed.
  static constexpr std::uint32_t bad_records_partition = ~std::uint32_t{0};

  dataset::Runner::Request request;
  std::map<StageId, const plan::Stage*> stages;   ///< into request.job
  std::unique_ptr<storage::OutputCommit> commit;  ///< when the result stage writes files
  std::map<std::uint32_t, exec::Output> results;  ///< by task of the result stage, until they are delivered
  std::uint32_t next_result = 0;
  std::uint64_t result_bytes = 0;  ///< of all results that came
  bool ended = false;
  bool succeeded = false;
  Cause cause = Cause::internal;
  std::string reason;
  std::shared_ptr<std::atomic<std::int64_t>> skips_left;  ///< null when bad records may not be skipped
  std::shared_ptr<const std::map<ShuffleId, std::uint32_t>> map_tasks;
  std::uint32_t running = 0;  ///< attempts that have not been answered
  std::vector<exec::BadRecord> bad_records;
  std::vector<AttemptEnd> left_behind;  ///< attempts that succeeded when their driver was gone
  bool done_before = false;  ///< an earlier driver of the run has finished it: its results are in the journal

  const plan::Stage& result_stage() const { return request.job.stages.back(); }
};

}  // namespace millrace::cluster
