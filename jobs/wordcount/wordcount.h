#pragma once

#include <string>
#include <vector>

#include <millrace/millrace.h>

namespace millrace::jobs {

using WordCount = std::pair<std::string_view, std::uint64_t>;

/// How often each word of the inputs occurs, in no particular order. Words are split on ASCII white space.
Dataset<WordCount> count_words(Context& context, const std::vector<std::string>& inputs);

}  // namespace millrace::jobs
