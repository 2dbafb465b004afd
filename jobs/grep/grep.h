#pragma once

#include <string>
#include <utility>
#include <vector>

#include <millrace/millrace.h>

#include "jobs/grep/line_matcher.h"

namespace millrace::jobs {

/// The matching lines of a stretch of a file.
struct NumberedHits {
  std::string_view path;
  std::uint64_t offset = 0;                                      ///< of the stretch in its file, in bytes
  std::uint64_t lines = 0;                                       ///< in the stretch
  std::vector<std::pair<std::uint64_t, std::string_view>> hits;  ///< number in the stretch, from 1, and line

  static constexpr auto fields =
      std::tuple{&NumberedHits::path, &NumberedHits::offset, &NumberedHits::lines, &NumberedHits::hits};
};

/// The lines of the inputs that match, in input order, as text to print: many lines an element, each with its newline
/// and, when `with_path`, behind `path:`. (The grep of Dean and Ghemawat, "MapReduce", OSDI 2004, section 2.3.)
/// Throws Error(usage) for a pattern that is none; so do the others.
Dataset<std::string_view> matching_text(Context& context, const Pattern& pattern,
                                        const std::vector<std::string>& inputs, bool with_path);

/// The same with line numbers: all stretches of the inputs, in order. What number a line has in its file is known only
/// where the stretches before it are.
Dataset<NumberedHits> numbered_matches(Context& context, const Pattern& pattern,
                                       const std::vector<std::string>& inputs);

/// (path, number of matching lines) for each file with any, in no particular order.
Dataset<std::pair<std::string_view, std::uint64_t>> matches_per_file(Context& context, const Pattern& pattern,
                                                                     const std::vector<std::string>& inputs);

}  // namespace millrace::jobs
