#pragma once

#include <string>
#include <vector>

namespace millrace::cluster {

struct ProgramResult {
  int status = 0;      ///< 127: there is no such program; 128 + N: it was ended by signal N
  std::string output;  ///< standard output, and standard error where `with_errors` was asked for
};

/// Runs a program found in PATH to its end, with this text as its standard input. It is in a process group of its own:
/// Ctrl-C is for the one who asked, not for the answer. `environment` is its whole environment ("NAME=value"); empty:
/// this process's. Throws Error(internal) when the system has no descriptors or processes left.
ProgramResult run_program(const std::vector<std::string>& words, const std::string& input = {}, bool with_errors = true,
                          std::vector<std::string> environment = {});

/// What posix_spawn takes: one pointer a word, and the null behind them. They hold as long as the words stay as they
/// are.
std::vector<char*> pointers_to(std::vector<std::string>& words);

/// The word as a shell reads it back unchanged.
std::string shell_quoted(const std::string& word);

}  // namespace millrace::cluster
