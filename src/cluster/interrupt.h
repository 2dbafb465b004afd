#pragma once

namespace millrace::cluster {

/// Ctrl-C (and SIGTERM) while a job runs: the job is stopped and cleaned up, then the process ends with status 130.
/// While no job runs, or at the second signal, the process ends at once. Handlers are installed with the first Context,
/// unless the program has its own.
void install_interrupt_handlers();

/// Between construction and destruction a job runs that will look at interrupted().
class InterruptibleJob {
 public:
  InterruptibleJob();
  ~InterruptibleJob();
  InterruptibleJob(const InterruptibleJob&) = delete;
  InterruptibleJob& operator=(const InterruptibleJob&) = delete;
};

bool interrupted();
/// Ends the process as an interrupted one, without running destructors: threads may still be in user code.
[[noreturn]] void exit_interrupted();

}  // namespace millrace::cluster
