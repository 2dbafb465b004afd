#include "jobs/join/join.h"

#include <millrace/error.h>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/results.h"
#include "storage/compression.h"
#include "storage/input_listing.h"
#include "storage/local_file_system.h"

namespace millrace::cli {
namespace {

/// By the bytes of its files; what is compressed may be ten times as large unpacked. Never by the machine: the order of
/// the output depends on it.
bool is_small(const std::string& input) {
  constexpr std::uint64_t most = std::uint64_t{64} << 20;
  const storage::FileSystem& files = storage::local_file_system();
  std::uint64_t bytes = 0;
  for (const storage::FileInfo& file : storage::list_inputs(files, std::vector{input})) {
    const bool packed = storage::detect_compression(*files.open(file.path)) != storage::Compression::none;
    bytes += packed ? 10 * file.size : file.size;
    if (bytes > most) return false;
  }
  return true;
}

}  // namespace

int run_join(const Invocation& invocation) {
  CommandLine line(
      "Joins the lines of two delimited files that have equal key fields. Where RIGHT is small (up to 64 MiB) the "
      "lines\n"
      "come in the order of LEFT, then of RIGHT; otherwise, and with -a 2, in no particular order, but always the "
      "same.");
  std::string left;
  std::string right;
  std::string output;
  std::string separator = "\t";
  std::uint64_t left_field = 1;
  std::uint64_t right_field = 1;
  std::vector<std::string> unpaired;
  bool small_right = false;
  bool large_right = false;
  jobs::JoinSpec spec;
  constexpr std::uint64_t most_fields = 1'000'000;
  line.argument("LEFT", left, "A file, directory or pattern");
  line.argument("RIGHT", right, "A file, directory or pattern");
  line.output(output);
  line.number("-1", left_field, "Which field of LEFT is the key (default: 1)", 1, most_fields);
  line.number("-2", right_field, "Which field of RIGHT is the key (default: 1)", 1, most_fields);
  line.text("-t", separator, "What separates fields (default: a tab)");
  line.texts("-a", unpaired, "Also print the lines without a partner of LEFT (1) or RIGHT (2); both: -a 1 -a 2");
  line.flag("--small-right", small_right, "Take RIGHT for small, whatever its size; not with -a 2");
  line.flag("--large-right", large_right, "Take RIGHT for large, whatever its size");
  if (!line.parse(invocation)) return 0;

  if (separator == "\\t") separator = "\t";
  if (separator.size() != 1) throw Error(Cause::usage, "-t '" + separator + "': must be one byte");
  spec.separator = separator.front();
  spec.left_field = static_cast<std::uint32_t>(left_field - 1);
  spec.right_field = static_cast<std::uint32_t>(right_field - 1);
  for (const std::string& side : unpaired) {
    if (side != "1" && side != "2") throw Error(Cause::usage, "-a '" + side + "': must be 1 or 2");
    (side == "1" ? spec.keep_left : spec.keep_right) = true;
  }
  if (small_right && spec.keep_right) throw Error(Cause::usage, "--small-right does not go with -a 2");
  if (small_right && large_right) throw Error(Cause::usage, "--small-right does not go with --large-right");
  spec.small_right = small_right || (!large_right && !spec.keep_right && is_small(right));
  Context context(invocation.argc, invocation.argv);
  deliver(jobs::join_lines(context, {left}, {right}, spec), output);
  return 0;
}

}  // namespace millrace::cli
