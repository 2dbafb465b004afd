#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::storage {

/// Path patterns, byte by byte: `*` any bytes but a slash, `?` one of them, `[a-z]` one of a set, `[!a-z]` or `[^a-z]`
/// one outside it, `{one,two}` either (may nest), `\` takes the next byte as itself. As a whole component, `**` stands
/// for any number of directories. A bracket or brace that is never closed stands for itself.

/// Whether the text has anything that is special in a pattern.
bool is_pattern(std::string_view text);

/// Whether one path component (no slashes, no braces) is matched.
bool matches(std::string_view pattern, std::string_view name);

/// The component with its backslashes resolved; for one that is no pattern otherwise.
std::string unescape(std::string_view component);

/// The pattern without braces, one for each choice, in order. Throws Error(input) when there would be more than 10,000.
std::vector<std::string> expand_braces(std::string_view pattern);

}  // namespace millrace::storage
