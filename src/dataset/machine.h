#pragma once

#include <cstdint>
#include <string>

namespace millrace::dataset {

/// The processors that this process may use: its affinity mask, cut down to the CPU quota of its control groups
/// (rounded up). At least 1. `root` replaces "/" in front of the system's files, for tests.
unsigned usable_processors(const std::string& root = "");

/// The memory that this process may use: the machine's, cut down to the limits of its control groups.
std::uint64_t usable_memory_bytes(const std::string& root = "");

}  // namespace millrace::dataset
