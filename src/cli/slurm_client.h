#pragma once

#include <string>
#include <vector>

#include "cluster/program.h"

// Slurm as its users see it: the programs sbatch, squeue, scontrol and scancel.

namespace millrace::cli {

using cluster::ProgramResult;
using cluster::run_program;
using cluster::shell_quoted;

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
