#include "jobs/index/index.h"

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/results.h"

namespace millrace::cli {

int run_index(const Invocation& invocation) {
  CommandLine line("Makes an inverted index: lines id<TAB>text to lines word<TAB>id,id,…, the ids sorted");
  std::vector<std::string> inputs;
  std::string output;
  bool positions = false;
  line.inputs(inputs);
  line.output(output);
  line.flag("-p,--positions", positions, "Also tell where in a document a word stands, counting words from 1: id:3:17");
  if (!line.parse(invocation)) return 0;
  Context context(invocation.argc, invocation.argv);
  deliver(jobs::inverted_index(context, inputs, positions), output);
  return 0;
}

}  // namespace millrace::cli
