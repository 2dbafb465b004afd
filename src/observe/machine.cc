#include "observe/machine.h"

#include <cctype>
#include <chrono>
#include <cstring>
#include <fstream>
#include <unistd.h>

namespace millrace::observe {
namespace {

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// The value of the first line "model name : value"; other systems and processors name it otherwise or not at all.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    const std::size_t colon = line.find(": ");
    return colon == std::string::npos ? "" : line.substr(colon + 2);
  }
  return "";
}

}  // namespace

std::string shell_quoted(const std::string& argument) {
  bool safe = !argument.empty();
  for (const char character : argument) {
    const bool plain = std::isalnum(static_cast<unsigned char>(character)) != 0;
    safe = safe && (plain || std::strchr("_-./=:,+@%", character) != nullptr) && character != 0;
  }
  if (safe) return argument;
  std::string quoted = "'";
  for (const char character : argument) {
    if (character == '\'') {
      quoted += "'\\''";
    } else {
      quoted += character;
    }
  }
  return quoted + "'";
}

RunStarted describe_run(int argc, const char* const* argv, std::uint32_t cores, std::uint64_t memory_bytes) {
  RunStarted run;
  run.unix_microseconds =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  run.version = MILLRACE_VERSION;
  for (int i = 0; i < argc; ++i) run.command += (i > 0 ? " " : "") + shell_quoted(argv[i]);
  run.host = host_name();
  run.processor = processor_name();
  run.cores = cores;
  run.memory_bytes = memory_bytes;
  return run;
}

}  // namespace millrace::observe
