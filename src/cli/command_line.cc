#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include <millrace/error.h>

namespace millrace::cli {

CommandLine::CommandLine(const std::string& description) : app_(std::make_unique<CLI::App>(description)) {}
CommandLine::~CommandLine() = default;

void CommandLine::argument(const std::string& name, std::string& value, const std::string& help) {
  app_->add_option(name, value, help)->required();
}
void CommandLine::arguments(const std::string& name, std::vector<std::string>& values, const std::string& help) {
  app_->add_option(name, values, help)->required();
}
void CommandLine::flag(const std::string& names, bool& value, const std::string& help) {
  app_->add_flag(names, value, help);
}
void CommandLine::text(const std::string& names, std::string& value, const std::string& help) {
  app_->add_option(names, value, help)->type_name("TEXT");
}
void CommandLine::texts(const std::string& names, std::vector<std::string>& values, const std::string& help) {
  app_->add_option(names, values, help)->type_name("TEXT")->allow_extra_args(false);
}
void CommandLine::number(const std::string& names, std::uint64_t& value, const std::string& help, std::uint64_t low,
                         std::uint64_t high) {
  const auto in_range = [low, high](const std::string& text) -> std::string {
    std::uint64_t number = 0;
    const bool whole = CLI::detail::lexical_cast(text, number) && text.find_first_not_of("0123456789") == text.npos;
    if (whole && number >= low && number <= high) return {};
    const bool bounded = high < std::numeric_limits<std::int64_t>::max();
    return "'" + text + "' is not a whole number of at least " + std::to_string(low) +
           (bounded ? " and at most " + std::to_string(high) : "");
  };
  app_->add_option(names, value, help)->type_name("N")->check(CLI::Validator(in_range, ""));
}
void CommandLine::require(const std::string& name) { app_->get_option(name)->required(); }
void CommandLine::free_short_help() { app_->set_help_flag("--help", "Print this help message and exit"); }

void CommandLine::inputs(std::vector<std::string>& values) {
  arguments("INPUT", values, "Files, directories and patterns; .gz and .zst are unpacked");
}
void CommandLine::output(std::string& directory) {
  text("-o,--output", directory, "Write part files into this new directory, not to standard output");
  // From a script whose variable is not set: what was meant for files must not come to the terminal.
  const auto named = [](const std::string& text) { return text.empty() ? "the name is empty" : std::string(); };
  app_->get_option("--output")->type_name("DIR")->check(CLI::Validator(named, ""));
}

bool CommandLine::parse(const Invocation& invocation) {
  app_->name("millrace " + invocation.command);
  app_->footer("\nCommon options:\n" + Options::help());
  std::vector<std::string> words = invocation.options.arguments;
  const auto literal_from = static_cast<std::ptrdiff_t>(invocation.options.literal_from);
  if (invocation.options.literal_from < words.size()) words.insert(words.begin() + literal_from, "--");
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  try {
    app_->parse(words);
  } catch (const CLI::CallForHelp&) {
    std::cout << app_->help();
    return false;
  } catch (const CLI::ParseError& error) {
    // A misspelt option says more than the argument that is therefore missing.
    for (const std::string& word : invocation.options.arguments) {
      const std::string name = word.substr(0, word.find('='));
      if (name.rfind("--", 0) == 0 && app_->get_option_no_throw(name) == nullptr)
        throw Error(Cause::usage, "there is no option '" + name + "'; see millrace " + invocation.command + " --help");
    }
    throw Error(Cause::usage, std::string(error.what()) + "; see millrace " + invocation.command + " --help");
  }
  return true;
}

}  // namespace millrace::cli
