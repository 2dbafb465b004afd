#include "jobs/grep/grep.h"

#include <iostream>
#include <map>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/standard_output.h"
#include "storage/input_listing.h"
#include "storage/local_file_system.h"

namespace millrace::cli {
namespace {

struct Grep {
  jobs::Pattern pattern;
  std::vector<std::string> inputs;
  bool count = false;
  bool list = false;
  bool quiet = false;
  bool number = false;
  bool with_path = false;
};

bool print_lines(Context& context, const Grep& grep) {
  bool any = false;
  jobs::matching_text(context, grep.pattern, grep.inputs, grep.with_path).for_each_in_order([&](std::string_view text) {
    any = true;
    print(text);
  });
  return any;
}

bool print_numbered_lines(Context& context, const Grep& grep) {
  bool any = false;
  std::uint64_t before = 0;  // lines of the file that lie before the stretch
  jobs::numbered_matches(context, grep.pattern, grep.inputs).for_each_in_order([&](const jobs::NumberedHits& found) {
    if (found.offset == 0) before = 0;
    for (const auto& [number, line] : found.hits) {
      any = true;
      if (grep.with_path) std::cout << found.path << ':';
      std::cout << before + number << ':';
      print(line);
      print("\n");
    }
    before += found.lines;
  });
  return any;
}

bool print_counts(Context& context, const Grep& grep, const std::vector<storage::FileInfo>& files) {
  std::map<std::string, std::uint64_t> counts;
  for (auto& [path, lines] : jobs::matches_per_file(context, grep.pattern, grep.inputs).collect()) counts[path] = lines;
  std::map<std::string, std::uint64_t> listed;  // how often: all that a file named twice gave is in one count
  for (const auto& file : files) ++listed[file.path];
  bool any = false;
  for (const auto& file : files) {
    const std::uint64_t lines = counts[file.path] / listed[file.path];
    any = any || lines != 0;
    if (grep.list) {
      if (lines != 0) std::cout << file.path << '\n';
      continue;
    }
    if (grep.with_path) std::cout << file.path << ':';
    std::cout << lines << '\n';
  }
  return any;
}

}  // namespace

int run_grep(const Invocation& invocation) {
  CommandLine line(
      "Prints the lines that match a pattern, in the order of the input, with the file's name where there are\n"
      "several. Files are text, whatever they hold. Exit status: 0 when a line matches, 1 when none does, 2 when\n"
      "something is wrong.");
  Grep grep;
  bool with_path = false;
  bool without_path = false;
  line.free_short_help();
  line.argument("PATTERN", grep.pattern.text, "A regular expression in RE2's syntax; several, one a line: any of them");
  line.inputs(grep.inputs);
  line.flag("-i,--ignore-case", grep.pattern.fold_case, "ASCII letters match both cases");
  line.flag("-F,--fixed-strings", grep.pattern.fixed, "The pattern is text, or several texts, one a line");
  line.flag("-w,--word-regexp", grep.pattern.word, "Only where no letter, digit or _ is next to the match");
  line.flag("-x,--line-regexp", grep.pattern.line, "Only where the match is the whole line");
  line.flag("-v,--invert-match", grep.pattern.invert, "The lines that do not match");
  line.flag("-c,--count", grep.count, "Print how many lines match in each file instead of the lines");
  line.flag("-l,--files-with-matches", grep.list, "Print the names of the files with matching lines instead of them");
  line.flag("-q,--quiet", grep.quiet, "Print nothing: only the exit status tells");
  line.flag("-n,--line-number", grep.number, "Print the line's number before it");
  line.flag("-H,--with-filename", with_path, "Print the file's name before each line even for one file");
  line.flag("-h,--no-filename", without_path, "Never print the file's name");
  if (!line.parse(invocation)) return 0;

  const auto files = storage::list_inputs(storage::local_file_system(), grep.inputs);
  grep.with_path = (files.size() > 1 || with_path) && !without_path;
  Context context(invocation.argc, invocation.argv);
  bool any = false;
  if (grep.quiet) {
    any = !jobs::matching_text(context, grep.pattern, grep.inputs, false).take(1).empty();
  } else if (grep.count || grep.list) {
    any = print_counts(context, grep, files);
  } else if (grep.number) {
    any = print_numbered_lines(context, grep);
  } else {
    any = print_lines(context, grep);
  }
  return any ? 0 : 1;
}

}  // namespace millrace::cli
