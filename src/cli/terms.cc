#include "jobs/terms/terms.h"

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/results.h"

namespace millrace::cli {

int run_terms(const Invocation& invocation) {
  CommandLine line(
      "Finds the most frequent terms of each host: lines url<TAB>text to lines host<TAB>term:count,term:count,…");
  std::vector<std::string> inputs;
  std::string output;
  std::uint64_t top = 10;
  line.inputs(inputs);
  line.output(output);
  line.number("--top", top, "How many terms for each host (default: 10)");
  if (!line.parse(invocation)) return 0;
  Context context(invocation.argc, invocation.argv);
  deliver(jobs::term_vectors(context, inputs, top), output);
  return 0;
}

}  // namespace millrace::cli
