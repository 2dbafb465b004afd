#include "jobs/join/join.h"

#include <millrace/error.h>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/results.h"

namespace millrace::cli {

int run_join(const Invocation& invocation) {
  CommandLine line("Joins the lines of two delimited files that have equal key fields");
  std::string left;
  std::string right;
  std::string output;
  std::string separator = "\t";
  std::uint64_t left_field = 1;
  std::uint64_t right_field = 1;
  std::vector<std::string> unpaired;
  jobs::JoinSpec spec;
  constexpr std::uint64_t most_fields = 1'000'000;
  line.argument("LEFT", left, "A file, directory or pattern");
  line.argument("RIGHT", right, "A file, directory or pattern");
  line.output(output);
  line.number("-1", left_field, "Which field of LEFT is the key (default: 1)", 1, most_fields);
  line.number("-2", right_field, "Which field of RIGHT is the key (default: 1)", 1, most_fields);
  line.text("-t", separator, "What separates fields (default: a tab)");
  line.texts("-a", unpaired, "Also print the lines without a partner of LEFT (1) or RIGHT (2); both: -a 1 -a 2");
  line.flag("--small-right", spec.small_right,
            "RIGHT fits in memory: no shuffle, and the lines stay in the order of LEFT; not with -a 2");
  if (!line.parse(invocation)) return 0;

  if (separator == "\\t") separator = "\t";
  if (separator.size() != 1) throw Error(Cause::usage, "-t '" + separator + "': must be one byte");
  spec.separator = separator.front();
  spec.left_field = static_cast<std::uint32_t>(left_field - 1);
  spec.right_field = static_cast<std::uint32_t>(right_field - 1);
  for (const std::string& side : unpaired) {
    if (side != "1" && side != "2") throw Error(Cause::usage, "-a '" + side + "': must be 1 or 2");
    (side == "1" ? spec.keep_left : spec.keep_right) = true;
  }
  if (spec.small_right && spec.keep_right) throw Error(Cause::usage, "--small-right does not go with -a 2");
  Context context(invocation.argc, invocation.argv);
  deliver(jobs::join_lines(context, {left}, {right}, spec), output);
  return 0;
}

}  // namespace millrace::cli
