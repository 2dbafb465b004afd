#pragma once

#include <memory>

#include <millrace/options.h>

#include "cluster/executors.h"

namespace millrace::cluster {

/// The executors that the options ask for, or the surroundings: processes on this machine (--workers), the other tasks
/// of this step (Slurm), else threads of this process. Throws Error when there can be none.
std::unique_ptr<Executors> make_executors(const Options& options, storage::FileSystem& files);

}  // namespace millrace::cluster
