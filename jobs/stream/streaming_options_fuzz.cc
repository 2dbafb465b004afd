#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <millrace/error.h>

#include "jobs/stream/command_line.h"
#include "jobs/stream/streaming_options.h"

// Arguments are separated by NUL or newline; the last of them is also what -conf reads.

namespace {

std::string configuration;

std::string read_configuration(const std::string&) { return configuration; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> arguments(1);
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] == 0 || data[i] == '\n') {
      arguments.emplace_back();
    } else {
      arguments.back() += static_cast<char>(data[i]);
    }
  }
  configuration = arguments.back();
  try {
    const auto job = millrace::jobs::stream::parse_streaming_options(arguments, read_configuration);
    for (const std::string& word : millrace::jobs::stream::split_command(job.mapper.command)) {
      if (word.empty()) __builtin_trap();
    }
  } catch (const millrace::Error& error) {
    if (error.cause() != millrace::Cause::usage) __builtin_trap();
  }
  return 0;
}
