#pragma once

#include <string_view>

namespace millrace::jobs {

/// The order of document ids: numbers by value and before all others, which go by their bytes. Total: ids that are the
/// same number differ in leading zeros, and go by their bytes.
bool comes_before(std::string_view a, std::string_view b);

}  // namespace millrace::jobs
