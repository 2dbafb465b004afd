#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
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

  static constexpr auto fields = std::tuple{&JobNames::stamp, &JobNames::number};
};

/// Environment variables, sorted by name.
using Variables = std::vector<std::pair<std::string, std::string>>;

/// What all commands of a job find in their environment: this process's environment, then every property under its
/// names of today and of Hadoop 1, then -cmdenv; later ones replace earlier ones.
Variables job_environment(const StreamingJob& job, const JobNames& names);

/// What one attempt is, for its environment.
struct TaskFacts {
  JobNames names;
  bool is_map = true;
  std::uint32_t partition = 0;
  std::uint32_t attempt = 0;
  std::string input_file;  ///< of a mapper: what it begins to read; empty: unknown
  std::uint64_t input_start = 0;
  std::string work;       ///< its working directory
  std::string temporary;  ///< for TMPDIR

  std::string task_id() const { return names.task(is_map, partition); }
  std::string attempt_id() const { return names.attempt(is_map, partition, attempt); }
};

/// The job's environment with the task's own properties and TMPDIR, as NAME=value.
std::vector<std::string> task_environment(const Variables& job, const TaskFacts& task);

}  // namespace millrace::jobs::stream
