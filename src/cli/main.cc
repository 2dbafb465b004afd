#include <algorithm>
#include <exception>
#include <iostream>

#include <millrace/error.h>

#include "cli/command.h"
#include "cli/standard_output.h"

namespace millrace::cli {
namespace {

constexpr int usage_status = 2;

void print_commands(std::ostream& out) {
  out << "Usage: millrace COMMAND [OPTION…] [ARGUMENT…]\n\nCommands:\n";
  for (const Command& command : commands()) {
    std::string name(command.name);
    name.resize(21, ' ');
    out << "  " << name << command.summary << '\n';
  }
  out << "\nmillrace COMMAND --help describes one of them.\n";
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row[b.size()];
}

int refuse_unknown(std::string_view name) {
  std::cerr << "millrace: there is no command '" << name << "'";
  const auto all = commands();
  const auto nearest = std::min_element(all.begin(), all.end(), [&](const Command& a, const Command& b) {
    return edit_distance(name, a.name) < edit_distance(name, b.name);
  });
  if (edit_distance(name, nearest->name) <= 2) std::cerr << "; did you mean '" << nearest->name << "'?";
  std::cerr << "\nmillrace --help lists all commands\n";
  return usage_status;
}

int run_command(const Command& command, std::vector<std::string> words, int argc, char** argv) {
  try {
    std::vector<const char*> pointers{argv[0]};
    for (const std::string& word : words) pointers.push_back(word.c_str());
    Options options = Options::parse(static_cast<int>(pointers.size()), pointers.data());
    const int status = command.run({std::string(command.name), std::move(words), std::move(options), argc, argv});
    std::cout.flush();
    return status;
  } catch (const Error& error) {
    if (std::cout) std::cout.flush();
    std::cerr << "millrace " << command.name << ": " << error.what() << '\n';
    return error.cause() == Cause::usage ? usage_status : command.failure_status;
  } catch (const std::exception& error) {
    if (std::cout) std::cout.flush();
    std::cerr << "millrace " << command.name << ": " << error.what() << '\n';
    return command.failure_status;
  }
}

int run(int argc, char** argv) {
  if (argc < 2) {
    print_commands(std::cerr);
    return usage_status;
  }
  std::string name = argv[1];
  std::vector<std::string> words(argv + 2, argv + argc);
  if (name == "--version") {
    std::cout << "millrace " << MILLRACE_VERSION << std::endl;
    return 0;
  }
  if (name == "help" && !words.empty()) {
    name = words.front();
    words = {"--help"};
  } else if (name == "help" || name == "--help" || name == "-h") {
    print_commands(std::cout);
    std::cout.flush();
    return 0;
  }
  for (const Command& command : commands())
    if (command.name == name) return run_command(command, std::move(words), argc, argv);
  return refuse_unknown(name);
}

}  // namespace
}  // namespace millrace::cli

int main(int argc, char** argv) {
  const millrace::cli::StandardOutput output;
  try {
    return millrace::cli::run(argc, argv);
  } catch (const millrace::Error& error) {
    std::cerr << "millrace: " << error.what() << '\n';
    return 1;
  }
}
