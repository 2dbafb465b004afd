#include "jobs/grep/grep.h"

#include <iostream>
#include <map>

#include "cli/command.h"
#include "cli/command_line.h"
#include "storage/input_listing.h"
#include "storage/local_file_system.h"

namespace millrace::cli {
namespace {

void print(std::string_view text) { std::cout.write(text.data(), static_cast<std::streamsize>(text.size())); }

}  // namespace

int run_grep(const Invocation& invocation) {
  CommandLine line(
      "Prints the lines that match a pattern, in the order of the input, with the file's name where there are\n"
      "several. Exit status: 0 when a line matches, 1 when none does, 2 when something is wrong.");
  jobs::Pattern pattern;
  std::vector<std::string> inputs;
  bool count = false;
  line.argument("PATTERN", pattern.text, "A regular expression in RE2's syntax");
  line.inputs(inputs);
  line.flag("-i,--ignore-case", pattern.fold_case, "ASCII letters match both cases");
  line.flag("-c,--count", count, "Print how many lines match in each file instead of the lines");
  line.flag("-F,--fixed-strings", pattern.fixed, "The pattern is text, or several texts, one a line");
  if (!line.parse(invocation)) return 0;

  const auto files = storage::list_inputs(storage::local_file_system(), inputs);
  const bool several = files.size() > 1;
  Context context(invocation.argc, invocation.argv);
  bool any = false;
  if (count) {
    std::map<std::string, std::uint64_t> counts;
    for (auto& [path, lines] : jobs::matches_per_file(context, pattern, inputs).collect()) counts[path] = lines;
    for (const auto& file : files) {
      const std::uint64_t lines = counts[file.path];
      any = any || lines != 0;
      if (several) std::cout << file.path << ':';
      std::cout << lines << '\n';
    }
  } else {
    jobs::matching_lines(context, pattern, inputs).for_each_in_order([&](const jobs::Hit& hit) {
      any = true;
      if (several) {
        print(hit.first);
        print(":");
      }
      print(hit.second);
      print("\n");
    });
  }
  return any ? 0 : 1;
}

}  // namespace millrace::cli
