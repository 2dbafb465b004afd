#include "cli/command_line.h"

#include <algorithm>
#include <iostream>

#include <millrace/error.h>

namespace millrace::cli {

bool parse(CLI::App& app, const Invocation& invocation) {
  app.name("millrace " + invocation.command);
  app.footer("\nCommon options:\n" + Options::help());
  std::vector<std::string> words = invocation.options.arguments;
  const auto literal_from = static_cast<std::ptrdiff_t>(invocation.options.literal_from);
  if (invocation.options.literal_from < words.size()) words.insert(words.begin() + literal_from, "--");
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  try {
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return false;
  } catch (const CLI::ParseError& error) {
    throw Error(Cause::usage, std::string(error.what()) + "; see millrace " + invocation.command + " --help");
  }
  return true;
}

}  // namespace millrace::cli
