#include "jobs/wordcount/wordcount.h"

#include <iostream>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/results.h"

namespace millrace::cli {

int run_wordcount(const Invocation& invocation) {
  CommandLine line("Counts words, split on ASCII white space: word<TAB>count, sorted by word");
  std::vector<std::string> inputs;
  std::string output;
  std::uint64_t top = 0;
  line.inputs(inputs);
  line.output(output);
  line.number("--top", top,
              "Only the N most frequent words, the most frequent first; with -o they are printed besides");
  if (!line.parse(invocation)) return 0;

  Context context(invocation.argc, invocation.argv);
  const auto counts = jobs::count_words(context, inputs);
  if (top == 0 || !output.empty()) deliver(counts.sort_by_key(), output);
  if (top != 0) {
    std::ostream& out = output.empty() ? std::cout : std::cerr;
    for (const auto& [word, count] : counts.top(top, by_value)) out << word << '\t' << count << '\n';
  }
  return 0;
}

}  // namespace millrace::cli
