#pragma once

#include <string>
#include <vector>

#include <millrace/millrace.h>

#include "jobs/grep/line_matcher.h"

namespace millrace::jobs {

/// (path of the file, line).
using Hit = std::pair<std::string_view, std::string_view>;

/// The lines of the inputs that match, in input order. Throws Error(usage) for a pattern that is none.
Dataset<Hit> matching_lines(Context& context, const Pattern& pattern, const std::vector<std::string>& inputs);

/// (path, number of matching lines) for each file with any, in no particular order.
Dataset<std::pair<std::string_view, std::uint64_t>> matches_per_file(Context& context, const Pattern& pattern,
                                                                     const std::vector<std::string>& inputs);

}  // namespace millrace::jobs
