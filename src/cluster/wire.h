#pragma once

#include "cluster/executors.h"
#include "rpc/messages.h"

namespace millrace::cluster {

/// Why executors leave when all is well.
inline constexpr const char* run_over = "the run is over";

inline rpc::WireAttempt wire_of(const AttemptId& id) { return {id.stage.value, id.partition.value, id.number}; }
inline AttemptId attempt_of(const rpc::WireAttempt& id) {
  return {StageId{id.stage}, PartitionId{id.partition}, id.number};
}

/// How an attempt ended, without its output.
rpc::AttemptEnded wire_of(const AttemptEnd& end);
/// Throws Error(bad_data) for a cause or a function that there is none of.
AttemptEnd attempt_end_of(rpc::AttemptEnded message, ExecutorId executor);

}  // namespace millrace::cluster
