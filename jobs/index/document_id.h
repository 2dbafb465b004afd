#pragma once

#include <string_view>

namespace millrace::jobs {

/// The order of document ids, each to the first colon: numbers by value, before the others, which go by their bytes.
bool comes_before(std::string_view a, std::string_view b);

}  // namespace millrace::jobs
