#pragma once

#include <cstdint>
#include <string>

#include "observe/logged.h"

namespace millrace::observe {

/// The facts about this process and its machine, as of now: Time 0 of the run is taken to be this moment.
/// `cores` and `memory_bytes` are what the run may use. Options are left to the caller. Never throws but for lack of
/// memory: what cannot be found out stays empty.
RunStarted describe_run(int argc, const char* const* argv, std::uint32_t cores, std::uint64_t memory_bytes);

/// The argument as a POSIX shell must be given it: itself where that is safe, else in single quotes.
std::string shell_quoted(const std::string& argument);

}  // namespace millrace::observe
