#pragma once

#include <string>
#include <vector>

#include <millrace/millrace.h>

namespace millrace::jobs {

/// (target, its sources with commas between them).
using Links = std::pair<std::string_view, std::string_view>;

/// The reverse web-link graph of `source<TAB>target` lines: each target with its sources in the order of the input.
/// (Dean and Ghemawat, "MapReduce", OSDI 2004, section 2.3.) A line without a tab is Error(bad_data).
Dataset<Links> reverse_links(Context& context, const std::vector<std::string>& inputs);

}  // namespace millrace::jobs
