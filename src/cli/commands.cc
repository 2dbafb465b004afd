#include <array>

#include "cli/command.h"

namespace millrace::cli {

std::span<const Command> commands() {
  static constexpr std::array all = {
      Command{"run", "compile a job of one C++ file, and run it", run_run},
  };
  return all;
}

}  // namespace millrace::cli
