#include "cluster/host_script.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sodium.h>
#include <sys/utsname.h>

#include <millrace/error.h>

#include "cluster/build_id.h"
#include "cluster/program.h"
#include "cluster/self_process.h"

namespace millrace::cluster {
namespace {

// Lines of the script's begin with it.
constexpr std::string_view mark = "millrace-host:";

std::string machine() {
  utsname name{};
  uname(&name);
  return fmt::format("{} {}", name.sysname, name.machine);
}

// What follows the settings is the same for every run. Entries of the cache are looked at when they are used, and go
// when that is a month ago.
constexpr const char* steps = R"sh(umask 077
refuse() { printf 'millrace-host:refuse %s\n' "$*"; exit 1; }
digest() { sha256sum < "$1" | cut -d ' ' -f 1; }
[ "$(uname -sm)" = "$machine" ] || refuse "its machine is a $(uname -sm), the program is for $machine"
cd "$directory" 2>/dev/null || refuse "it does not see the directory $directory, in which this run works"
if [ -x "$exe" ] && [ "$(stat -L -c %s "$exe")" = "$bytes" ] && [ "$(digest "$exe")" = "$sha256" ]; then
  :
else
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/millrace/hosts
  exe=$cache/$build/${exe##*/}
  if [ -x "$exe" ] && [ "$(stat -c %s "$exe")" = "$bytes" ]; then
    touch "$cache/$build"
  else
    mkdir -p "$cache/$build" && new=$(mktemp "$cache/$build/.new.XXXXXX") ||
      refuse "the program cannot be kept in $cache"
    trap 'rm -f "$new"; exit 1' HUP INT TERM PIPE
    trap 'rm -f "$new"' EXIT
    printf 'millrace-host:need\n'
    head -c "$bytes" > "$new" || refuse "the program cannot be written to $cache"
    [ "$(digest "$new")" = "$sha256" ] || refuse "the program did not arrive whole"
    chmod 700 "$new" && mv -f "$new" "$exe" || refuse "the program cannot be kept in $cache"
    trap - EXIT HUP INT TERM PIPE
  fi
  find "$cache" -mindepth 1 -maxdepth 1 -type d -mtime +30 -exec rm -rf {} +
  find "$cache" -mindepth 2 -name '.new.*' -mmin +60 -exec rm -f {} +
fi
printf 'millrace-host:have\n'
export MILLRACE_EXECUTOR=host
exec "$exe" "$@" 3>&1 4<&0 1>&2 0</dev/null
)sh";

}  // namespace

Executable own_executable() {
  Executable out;
  std::error_code error;
  out.path = std::filesystem::read_symlink("/proc/self/exe", error).string();
  // How the kernel names a file that is gone (proc(5)): the copies on hosts are named for what it was called.
  constexpr std::string_view gone = " (deleted)";
  if (out.path.ends_with(gone) && !std::filesystem::exists(out.path)) out.path.resize(out.path.size() - gone.size());
  std::ifstream file("/proc/self/exe", std::ios::binary);
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  std::vector<char> piece(std::size_t{1} << 20);
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0) {
    const auto count = static_cast<std::size_t>(file.gcount());
    crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(piece.data()), count);
    out.bytes += count;
  }
  if (error || !file.eof()) {
    throw Error(Cause::input, fmt::format("this program's own file cannot be read: {}", std::strerror(errno)));
  }
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash;
  crypto_hash_sha256_final(&state, hash.data());
  for (const unsigned char byte : hash) out.sha256 += fmt::format("{:02x}", byte);
  out.build = build_id();
  return out;
}

std::string host_script(const Executable& executable, const std::string& directory,
                        const std::vector<std::string>& arguments) {
  std::string words = "set --";
  for (std::size_t i = 1; i < arguments.size(); ++i) words += " " + shell_quoted(arguments[i]);
  return fmt::format("{}\nexe={}\nbytes={}\nsha256={}\nbuild={}\nmachine={}\ndirectory={}\n{}", words,
                     shell_quoted(executable.path), executable.bytes, executable.sha256, shell_quoted(executable.build),
                     shell_quoted(machine()), shell_quoted(directory), steps);
}

std::string host_command(std::size_t script_bytes) {
  return fmt::format("exec /bin/sh -c 'eval \"$(head -c {})\"'", script_bytes);
}

HostWord host_word_of(std::string_view line) {
  if (line.substr(0, mark.size()) != mark) return {};
  line.remove_prefix(mark.size());
  if (line == "need") return {HostWord::Kind::need};
  if (line == "have") return {HostWord::Kind::have};
  constexpr std::string_view refuse = "refuse ";
  if (line.substr(0, refuse.size()) == refuse) return {HostWord::Kind::refuse, std::string(line.substr(refuse.size()))};
  return {};
}

}  // namespace millrace::cluster
