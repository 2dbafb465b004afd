#pragma once

#include <string>
#include <vector>

#include <millrace/millrace.h>

namespace millrace::jobs {

using NgramCount = std::pair<std::string_view, std::uint64_t>;

/// How often each run of n neighbouring words of a line occurs, in no particular order: the words with one blank
/// between them. Throws Error(usage) when n is 0.
Dataset<NgramCount> count_ngrams(Context& context, const std::vector<std::string>& inputs, std::uint32_t n);

}  // namespace millrace::jobs
