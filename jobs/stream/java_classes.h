#pragma once

#include <string_view>

namespace millrace::jobs::stream {

/// Whether `text` names the class `simple_name`: alone ("TextInputFormat"), or in one of Hadoop's packages.
bool names_class(std::string_view text, std::string_view simple_name);

/// Whether `text` looks like a Java class in a package rather than a command: letters, digits, '_', '$' and at least
/// one '.', no blank or slash, and a last part that begins with a capital.
bool looks_like_class(std::string_view text);

}  // namespace millrace::jobs::stream
