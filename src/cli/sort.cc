#include "jobs/sort/sort.h"

#include <array>

#include <millrace/error.h>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/results.h"
#include "cli/standard_output.h"

namespace millrace::cli {
namespace {

struct OrderingFlag {
  char letter;
  const char* meaning;
};
constexpr std::array ordering_flags = {
    OrderingFlag{'b', "Ignore leading blanks"},
    OrderingFlag{'d', "Consider only blanks, letters and digits"},
    OrderingFlag{'f', "Fold lower case to upper case"},
    OrderingFlag{'g', "Compare by general numerical value"},
    OrderingFlag{'h', "Compare human-readable numbers (2K, 1G)"},
    OrderingFlag{'i', "Consider only printable characters"},
    OrderingFlag{'M', "Compare months (JAN < … < DEC)"},
    OrderingFlag{'n', "Compare by numerical value"},
    OrderingFlag{'r', "Reverse the order"},
};

}  // namespace

int run_sort(const Invocation& invocation) {
  CommandLine line("Sorts lines, or binary records, in one order over all parts of the output");
  std::vector<std::string> inputs;
  std::vector<std::string> keys;
  std::string output;
  std::string separator;
  std::uint64_t record_bytes = 0;
  std::uint64_t key_bytes = 0;
  bool stable = false;
  bool unique = false;
  std::array<bool, ordering_flags.size()> ordering{};
  line.free_short_help();
  line.inputs(inputs);
  line.output(output);
  line.texts("-k,--key", keys, "Sort by this field, in sort(1)'s notation: F[.C][OPTS][,F[.C][OPTS]]; repeat for more");
  line.text("-t,--field-separator", separator, "What separates fields, instead of the blanks before them");
  line.flag("-s,--stable", stable, "Leave lines with equal keys in the order of the input");
  line.flag("-u,--unique", unique, "Keep only the first of lines with equal keys");
  for (std::size_t i = 0; i < ordering_flags.size(); ++i)
    line.flag(std::string{'-', ordering_flags[i].letter}, ordering[i], ordering_flags[i].meaning);
  line.number("--records", record_bytes, "The input is binary records of this many bytes");
  line.number("--key-bytes", key_bytes, "Sort records by their first so many bytes (default: all)");
  if (!line.parse(invocation)) return 0;

  jobs::LineSort order;
  for (const std::string& key : keys) order.keys.push_back(jobs::parse_sort_key(key));
  for (std::size_t i = 0; i < ordering_flags.size(); ++i)
    if (ordering[i]) jobs::add_ordering_option(ordering_flags[i].letter, order.global);
  if (separator == "\\0") separator.assign(1, '\0');
  if (separator.size() > 1) throw Error(Cause::usage, "--field-separator '" + separator + "': must be one byte");
  if (!separator.empty()) order.separator = separator.front();
  order.last_resort = !stable && !unique;
  if (record_bytes == 0 && key_bytes != 0) throw Error(Cause::usage, "--key-bytes needs --records");
  const bool line_options = !order.is_plain() || order.global.reverse || unique || !separator.empty();
  if (record_bytes != 0 && line_options)
    throw Error(Cause::usage, "--records sorts by bytes; the options for lines do not go with it");

  Context context(invocation.argc, invocation.argv);
  if (record_bytes == 0) {
    deliver(jobs::sort_lines(context, inputs, order, unique), output);
    return 0;
  }
  const auto records = jobs::sort_records(context, inputs, record_bytes, key_bytes == 0 ? record_bytes : key_bytes);
  if (!output.empty()) {
    records.write_records(output);
  } else {
    records.for_each_in_order([](std::string_view record) { print(record); });
  }
  return 0;
}

}  // namespace millrace::cli
