#pragma once

#include <millrace/task.h>

namespace millrace::jobs::stream {

// The code of the stages of a streaming job. Each decodes a StreamSpec from the task's closure.

/// Mapper and combiner; records go to the shuffle.
void run_map_stage(TaskContext& task);
/// A mapper whose output is the job's.
void run_map_only_stage(TaskContext& task);
/// Sorts what the mappers sent, and runs the reducer on it.
void run_reduce_stage(TaskContext& task);

}  // namespace millrace::jobs::stream
