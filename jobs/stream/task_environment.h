#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/stream/streaming_options.h"

namespace millrace::jobs::stream {

/// The names that one run of a job has in Hadoop's notation. `stamp` is the time of its start in milliseconds since the
/// epoch.
struct JobNames {
  std::uint64_t stamp = 0;
  std::uint32_t number = 1;

  std::string application() const;  ///< application_1700000000000_0001
  std::string job() const;          ///< job_1700000000000_0001
  std::string task(bool is_map, std::uint32_t partition) const;
  std::string attempt(bool is_map, std::uint32_t partition, std::uint32_t attempt) const;
};

/// What one attempt is, for its environment.
struct TaskFacts {
  JobNames names;
  bool is_map = true;
  std::uint32_t partition = 0;
  std::uint32_t attempt = 0;
  std::string input_file;  ///< of a mapper: what it begins to read; empty: unknown
  std::uint64_t input_start = 0;
  std::uint64_t input_length = 0;
  std::string temporary;  ///< for TMPDIR
  std::string work;       ///< its working directory
  std::string output;     ///< the job's output directory
};

/// The environment of an attempt's command as NAME=value: this process's, then every property of the job and of the
/// task under its names of today and of Hadoop 1, then -cmdenv, then TMPDIR. Later ones replace earlier ones.
std::vector<std::string> task_environment(const StreamingJob& job, const TaskFacts& task);

}  // namespace millrace::jobs::stream
