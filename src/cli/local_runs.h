#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace millrace::cli {

/// A run of this user on this machine, as its entry (cluster/run_entry.h) and the system know it.
struct LocalRun {
  std::string name;  ///< of the entry: the process's number, or that and another for further runs of one process
  std::string entry;
  pid_t pid = 0;
  std::string command;  ///< quoted as a shell would need it
  std::string directory;
  bool stopped = false;
  std::int64_t started = 0;  ///< seconds since 1970
  std::string tmp;
  std::string page, events, report;  ///< empty: it has none
  // As it wrote last:
  std::uint64_t jobs = 0, done = 0, tasks = 0, running = 0, executors = 0;
  std::string job;  ///< the oldest one
};

/// Those that live, the oldest first. Entries of runs that are over are taken away.
std::vector<LocalRun> local_runs();
/// Nothing when no run of this name lives.
std::optional<LocalRun> local_run(const std::string& name);
/// The directories that the run has for its executors: what they print is there (executor-N.log).
std::vector<std::string> run_directories(const LocalRun& run);
/// Where a descriptor of the process leads, when that is a file; else empty.
std::string file_behind(pid_t pid, int descriptor);

/// A run's name in Slurm, "slurm:57": the job's number; nothing when it is none.
std::optional<std::string> slurm_id(const std::string& run);
inline std::string slurm_name(const std::string& id) { return "slurm:" + id; }

}  // namespace millrace::cli
