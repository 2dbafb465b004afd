#include "jobs/urls/urls.h"

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/results.h"

namespace millrace::cli {

int run_urls(const Invocation& invocation) {
  CommandLine line(
      "Counts the URLs of access logs (common or combined format): url<TAB>count<TAB>percent, sorted by URL");
  std::vector<std::string> inputs;
  std::string output;
  line.inputs(inputs);
  line.output(output);
  if (!line.parse(invocation)) return 0;
  Context context(invocation.argc, invocation.argv);
  deliver(jobs::url_shares(context, inputs), output);
  return 0;
}

}  // namespace millrace::cli
