#pragma once

#include <string>
#include <string_view>

namespace millrace::observe {

/// Appends `text` as a JSON string with its quotes. Bytes that are not valid UTF-8 become U+FFFD, one for each byte.
void append_json_string(std::string& out, std::string_view text);

}  // namespace millrace::observe
