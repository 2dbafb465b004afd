#pragma once

#include "cluster/executor_process.h"

namespace millrace::cluster {

/// The process that ssh started: starts executors when the driver says so, tells how they ended, and ends them all when
/// the stream does, whatever ended it. They end with it, too, should it be killed. Its streams are descriptors 3 (out)
/// and 4 (in).
[[noreturn]] void serve_host();

/// The seat of an executor that such a process started. Throws Error(input).
Seat told_seat();

}  // namespace millrace::cluster
