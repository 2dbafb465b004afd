#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace millrace::jobs::stream {

/// A command that is to be started. The descriptors stay the caller's.
struct SpawnSpec {
  std::string program;                   ///< absolute
  std::vector<std::string> arguments;    ///< with the program's name first
  std::vector<std::string> environment;  ///< NAME=value, all of it
  std::string directory;                 ///< its working directory
  int input, output, error;              ///< become its standard streams; it gets no other descriptor
};

/// Starts the command in a process group of its own, with default signals whatever this process ignores. It does not
/// outlive the calling thread: the kernel kills it when that thread is gone, even by SIGKILL (PR_SET_PDEATHSIG,
/// prctl(2)). Returns 0 and the process id, or the system's error number.
int spawn(const SpawnSpec& spec, pid_t& pid);

}  // namespace millrace::jobs::stream
