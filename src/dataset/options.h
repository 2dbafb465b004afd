#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <millrace/options.h>

namespace millrace::dataset {

/// Looks an environment variable up; nothing when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// Options::parse over an explicit command line (without the program's name) and environment.
/// Reads the configuration file; touches no other state of the process.
Options parse_options(const std::vector<std::string>& command_line, const Environment& environment);

}  // namespace millrace::dataset
