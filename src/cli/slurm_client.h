#pragma once

#include <string>
#include <vector>

// Slurm as its users see it: the programs sbatch, squeue, scontrol and scancel.

namespace millrace::cli {

struct ProgramResult {
  int status = 0;      ///< 127: there is no such program
  std::string output;  ///< standard output, and standard error where `with_errors` was asked for
};

/// Runs a program found in PATH to its end, with this text as its standard input. Throws Error(internal) when the
/// system has no pipes or processes left.
ProgramResult run_program(const std::vector<std::string>& words, const std::string& input = {},
                          bool with_errors = true);

/// The word as a shell reads it back unchanged.
std::string shell_quoted(const std::string& word);

/// What Slurm's controller knows of a job.
struct SlurmJob {
  std::string state;  ///< RUNNING, COMPLETED …; empty: it does not know the job any more
  std::string reason;
  std::string out;  ///< file of its standard output
  std::string err;
  int exit_status = 0;  ///< once it has ended; 128 + N for signal N

  bool ended() const;
};

/// Throws Error(lost_node) when the controller does not answer.
SlurmJob slurm_job(const std::string& id);

/// Jobs that `millrace submit` made are known by this beginning of their names.
constexpr const char* slurm_job_prefix = "millrace-";

}  // namespace millrace::cli
