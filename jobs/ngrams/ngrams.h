#pragma once

#include <string>
#include <utility>
#include <vector>

#include <millrace/millrace.h>

namespace millrace::jobs {

using NgramCount = std::pair<std::string_view, std::uint64_t>;

/// How often each run of n neighbouring words of a line occurs: the words with one blank between them. Words are split
/// on ASCII white space. Throws Error(usage) when n is 0.
Dataset<NgramCount> count_ngrams(Context& context, const std::vector<std::string>& inputs, std::uint32_t n);

}  // namespace millrace::jobs
