#pragma once

#include <memory>

#include <millrace/options.h>

#include "cluster/executors.h"
#include "cluster/run_journal.h"

namespace millrace::cluster {

/// The executors that the options ask for, or the surroundings: processes on this machine (--workers) or others
/// (--hosts), the other tasks of this step (Slurm), else threads of this process. `journal` may be null. Throws Error
/// when there can be none.
std::unique_ptr<Executors> make_executors(const Options& options, storage::FileSystem& files,
                                          const RunJournal* journal = nullptr);

}  // namespace millrace::cluster
