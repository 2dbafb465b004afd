#include "jobs/links/links.h"

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/results.h"

namespace millrace::cli {

int run_links(const Invocation& invocation) {
  CommandLine line("Reverses a web-link graph: lines source<TAB>target to lines target<TAB>source,source,…");
  std::vector<std::string> inputs;
  std::string output;
  line.inputs(inputs);
  line.output(output);
  if (!line.parse(invocation)) return 0;
  Context context(invocation.argc, invocation.argv);
  deliver(jobs::reverse_links(context, inputs), output);
  return 0;
}

}  // namespace millrace::cli
