#include "jobs/stream/command_line.h"

namespace millrace::jobs::stream {

std::vector<std::string> split_command(std::string_view command) {
  std::vector<std::string> arguments;
  std::string argument;
  char quote = 0;
  const auto end_argument = [&] {
    if (!argument.empty()) arguments.push_back(std::move(argument));
    argument.clear();
  };
  for (const char c : command) {
    const bool is_quote = c == '\'' || c == '"';
    if (quote == 0 && is_quote) {
      end_argument();
      quote = c;
    } else if (quote != 0 && c == quote) {
      end_argument();
      quote = 0;
    } else if (quote == 0 && c == ' ') {
      end_argument();
    } else {
      argument += c;
    }
  }
  end_argument();
  return arguments;
}

}  // namespace millrace::jobs::stream
