#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::jobs::stream {

/// Splits a command as Hadoop Streaming does: at spaces, and at quotes. What stands in single or double quotes is one
/// argument, whatever is in it; a quote ends the argument before it, too, so a"b" is two arguments. There is no shell:
/// no escapes, variables, pipes or patterns; a tab is an ordinary character. A quote that is not closed reaches to the
/// end. Empty arguments are dropped. Returns nothing for a command of blanks.
std::vector<std::string> split_command(std::string_view command);

}  // namespace millrace::jobs::stream
