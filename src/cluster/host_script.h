#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cluster {

/// The executable as hosts must have it.
struct Executable {
  std::string path;  ///< on this machine
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string build;
};

/// This process's own. Throws Error(input) when it cannot be read.
Executable own_executable();

/// What the shell of a host is to do: find the executable (at the same path where the file system is shared, else in
/// the cache, where it asks for it first), and become it in the same directory and with the same arguments, the stream
/// of ssh in its descriptors 3 (out) and 4 (in). Says on the way what HostWord knows.
std::string host_script(const Executable& executable, const std::string& directory,
                        const std::vector<std::string>& arguments);
/// The command that has a host's shell, whichever it is, read a script of so many bytes from ssh's stream and run it.
std::string host_command(std::size_t script_bytes);

/// What the script says.
struct HostWord {
  enum class Kind : std::uint8_t {
    other,   ///< nothing of the script's: what a host's shell prints when it starts
    need,    ///< the executable's bytes are to follow
    have,    ///< it is there, and starts now
    refuse,  ///< it cannot be run there: `text` says why
  };
  Kind kind = Kind::other;
  std::string text{};
};

HostWord host_word_of(std::string_view line);

}  // namespace millrace::cluster
