#pragma once

#include <functional>
#include <string>

#include <millrace/context.h>

#include "jobs/stream/stream_spec.h"
#include "jobs/stream/streaming_options.h"
#include "jobs/stream/task_environment.h"

namespace millrace::jobs::stream {

/// What is known about a job before its first task runs.
struct StreamStart {
  JobNames names;
  std::uint32_t maps = 0;
  std::uint32_t reduces = 0;
};

/// Runs a streaming job on the engine: mappers over the input's splits, combiners in their tasks, reducers over sorted
/// partitions; output in part files, committed with _SUCCESS. Blocks until it is done. `started` (may be empty) is
/// called once.
///
/// Returns the counters of the attempts that counted. Throws Error: usage for a job that cannot run here, input and
/// output for files, user_code for a command that failed for the last time; where its logs are is in the message, and
/// they stay.
CounterList run_streaming_job(const StreamingJob& job, Options options,
                              const std::function<void(const StreamStart&)>& started);
/// The same on a Context that exists. Its options count, not what the job says about attempts and splits.
CounterList run_streaming_job(const StreamingJob& job, const Context& context,
                              const std::function<void(const StreamStart&)>& started);

}  // namespace millrace::jobs::stream
