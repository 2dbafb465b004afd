#pragma once

#include <string>
#include <vector>

#include <millrace/millrace.h>

namespace millrace::jobs {

/// (host, its terms as `term:count` with commas between them, the most frequent first).
using TermVector = std::pair<std::string_view, std::string_view>;

/// The `top` most frequent terms of the documents of each host: lines `url<TAB>text`, terms split on ASCII white space;
/// of equally frequent terms the smaller by its bytes comes first. (Dean and Ghemawat, "MapReduce", OSDI 2004, section
/// 2.3.) Sorted by host. A line without a tab is Error(bad_data).
Dataset<TermVector> term_vectors(Context& context, const std::vector<std::string>& inputs, std::uint64_t top);

}  // namespace millrace::jobs
