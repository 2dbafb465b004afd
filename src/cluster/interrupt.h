#pragma once

namespace millrace::cluster {

/// Ctrl-C (and SIGTERM) while a job runs, or while there are executor processes: all is stopped and cleaned up, then
/// the process ends with status 130. At other times, or at the second signal, the process ends at once. Handlers are
/// installed with the first Context, unless the program has its own.
void install_interrupt_handlers();

/// Between construction and destruction somebody will look at interrupted() and clean up.
class Interruptible {
 public:
  Interruptible();
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
};

bool interrupted();
/// Ends the process as an interrupted one, without running destructors: threads may still be in user code. Of several
/// threads that call it one gets through.
[[noreturn]] void exit_interrupted();

}  // namespace millrace::cluster
