#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <millrace/options.h>

namespace millrace::cli {

/// One call of a command.
struct Invocation {
  std::string command;             ///< its name
  std::vector<std::string> words;  ///< every word behind the name, as given
  Options options;                 ///< the common options among them; options.arguments holds the others, in order
  int argc = 0;                    ///< the process's own, for a Context
  char** argv = nullptr;
};

struct Command {
  std::string_view name;
  std::string_view summary;  ///< for the list of commands, without a full stop
  /// Runs the command and returns the process's exit status. Throws Error; usage errors end in exit status 2,
  /// all others in failure_status.
  int (*run)(const Invocation&);
  int failure_status = 1;
};

/// All commands, in the order of the help text.
std::span<const Command> commands();

int run_wordcount(const Invocation&);
int run_grep(const Invocation&);
int run_urls(const Invocation&);
int run_links(const Invocation&);
int run_index(const Invocation&);
int run_terms(const Invocation&);
int run_ngrams(const Invocation&);
int run_sort(const Invocation&);
int run_join(const Invocation&);
int run_logistic_regression(const Invocation&);
int run_run(const Invocation&);
int run_submit(const Invocation&);
int run_ps(const Invocation&);
int run_logs(const Invocation&);
int run_kill(const Invocation&);
int run_cat(const Invocation&);
int run_inspect(const Invocation&);
int run_report(const Invocation&);
int run_simulate(const Invocation&);
int run_stream(const Invocation&);

}  // namespace millrace::cli
