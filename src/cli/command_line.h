#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"

namespace CLI {
class App;
}

namespace millrace::cli {

/// The options and arguments of one command: declared first, each with the variable that parse() sets, whose value
/// before is the default. Names are as the user writes them: "-o,--output". Keeps CLI11's headers, which take seconds
/// to compile, out of the commands.
class CommandLine {
 public:
  explicit CommandLine(const std::string& description);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// A required argument, and one or more of them.
  void argument(const std::string& name, std::string& value, const std::string& help);
  void arguments(const std::string& name, std::vector<std::string>& values, const std::string& help);

  void flag(const std::string& names, bool& value, const std::string& help);
  void text(const std::string& names, std::string& value, const std::string& help);
  /// Each use of the option adds to `values`.
  void texts(const std::string& names, std::vector<std::string>& values, const std::string& help);
  void number(const std::string& names, std::uint64_t& value, const std::string& help, std::uint64_t low = 1,
              std::uint64_t high = std::numeric_limits<std::int64_t>::max());
  /// The option with this name must be given.
  void require(const std::string& name);
  /// -h is an option of the command's own; --help alone asks for help.
  void free_short_help();

  /// The arguments that most commands have: INPUT… and -o DIR.
  void inputs(std::vector<std::string>& values);
  void output(std::string& directory);

  /// Parses what the common options left of an invocation. Returns false when --help was asked for and printed: the
  /// command is then done, with exit status 0. Throws Error(Cause::usage).
  bool parse(const Invocation& invocation);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace millrace::cli
