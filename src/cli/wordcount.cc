#include "jobs/wordcount/wordcount.h"

#include <chrono>
#include <fmt/format.h>
#include <iostream>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/results.h"
#include "observe/quantities.h"
#include "storage/input_listing.h"
#include "storage/local_file_system.h"

namespace millrace::cli {
namespace {

std::string throughput(const std::vector<std::string>& inputs, std::uint64_t words, double seconds) {
  const auto files = storage::list_inputs(storage::local_file_system(), inputs);
  double bytes = 0;
  for (const storage::FileInfo& file : files) bytes += static_cast<double>(file.size);
  return fmt::format("{} words in {} files, {}, in {:.2f} s: {}\n", observe::count_text(words),
                     observe::count_text(files.size()), observe::bytes_text(bytes), seconds,
                     observe::rate_text(bytes, seconds));
}

}  // namespace

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

  const auto start = std::chrono::steady_clock::now();
  Context context(invocation.argc, invocation.argv);
  const auto counts = jobs::count_words(context, inputs);
  if (top == 0 || !output.empty()) deliver(counts.sort_by_key(), output);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  if (top == 0) return 0;
  const auto most_frequent = counts.top(top, by_value);
  if (output.empty()) {
    for (const auto& [word, count] : most_frequent) std::cout << word << '\t' << count << '\n';
    return 0;
  }
  for (const auto& [word, count] : most_frequent)
    std::cerr << fmt::format("{:>14}  {}\n", observe::count_text(count), word);
  std::cerr << throughput(inputs, counts.values().sum(), elapsed.count()) << "All counts are in " << output << '\n';
  return 0;
}

}  // namespace millrace::cli
