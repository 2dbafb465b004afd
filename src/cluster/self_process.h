#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace millrace::cluster {

/// The variable by which an executor process knows what it is: the run's directory, a comma, its ticket; or one of
/// the words below.
constexpr const char* executor_variable = "MILLRACE_EXECUTOR";
/// The process that ssh starts on a host (host_side.h).
constexpr const char* host_word = "host";
/// An executor that is told its seat on standard input.
constexpr const char* told_word = "told";

/// The words of this process's command line, its name first.
std::vector<std::string> own_arguments();

/// What a process that is started has for standard input, output and errors: descriptors of this one.
struct Streams {
  int in = -1;
  int out = -1;
  int err = -1;
};

/// Starts the executable of this process again, with its arguments and its environment, but for executor_variable.
/// Throws Error(lost_node).
pid_t start_self(const std::string& role, const Streams& streams);

/// What waitpid() said: "was killed by signal 9 (Killed)", "ended with status 7".
std::string how_it_ended(int status);

}  // namespace millrace::cluster
