#pragma once

#include <string>

// Files of a few lines that processes leave for one another.

namespace millrace::cluster {

/// Empty when there is none, or it cannot be read.
std::string content_of(const std::string& path);
/// Readers find the file as it was before, or all of the new one. Throws Error(output).
void write_whole(const std::string& path, const std::string& content);

}  // namespace millrace::cluster
