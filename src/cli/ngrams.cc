#include "jobs/ngrams/ngrams.h"

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/results.h"

namespace millrace::cli {

int run_ngrams(const Invocation& invocation) {
  CommandLine line("Counts runs of N neighbouring words in the lines of the inputs: ngram<TAB>count");
  std::vector<std::string> inputs;
  std::string output;
  std::uint64_t n = 0;
  line.inputs(inputs);
  line.output(output);
  line.number("-n", n, "How many words", 1, 1000);
  line.require("-n");
  bool sorted = false;
  line.flag("--sorted", sorted, "Sort by n-gram; without it they come in no particular order, the same in every run");
  if (!line.parse(invocation)) return 0;
  Context context(invocation.argc, invocation.argv);
  const auto counts = jobs::count_ngrams(context, inputs, static_cast<std::uint32_t>(n));
  deliver(sorted ? counts.sort_by_key() : counts, output);
  return 0;
}

}  // namespace millrace::cli
