#pragma once

#include <string_view>

namespace millrace::jobs {

/// The host of a URL, without scheme, user and port; the text before the first slash when there is no scheme.
std::string_view host_of(std::string_view url);

}  // namespace millrace::jobs
