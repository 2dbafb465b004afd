#include "cluster/program.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <millrace/error.h>

#include "rpc/socket.h"

namespace millrace::cluster {
namespace {

constexpr int no_such_program = 127;

[[noreturn]] void cannot_start(const std::string& program, int error) {
  throw Error(Cause::internal, "cannot start " + program + ": " + std::strerror(error));
}

// A file in memory, so that nobody waits for a program that does not read what it is told.
rpc::Descriptor file_of(const std::string& text, const std::string& program) {
  rpc::Descriptor file(memfd_create("input", MFD_CLOEXEC));
  for (std::size_t written = 0; file && written < text.size();) {
    const ssize_t count = write(file.get(), text.data() + written, text.size() - written);
    if (count < 0 && errno != EINTR) cannot_start(program, errno);
    if (count > 0) written += static_cast<std::size_t>(count);
  }
  if (!file || lseek(file.get(), 0, SEEK_SET) < 0) cannot_start(program, errno);
  return file;
}

int status_of(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string read_all(int descriptor) {
  std::string out;
  std::array<char, 4096> piece;
  for (;;) {
    const ssize_t count = read(descriptor, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return out;
    out.append(piece.data(), static_cast<std::size_t>(count));
  }
}

int spawn(pid_t& child, std::vector<std::string> words, int in, int out, bool with_errors, char* const* environment) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  if (with_errors) posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  const int error =
      posix_spawnp(&child, words.front().c_str(), &files, &attributes, pointers_to(words).data(), environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

}  // namespace

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

ProgramResult run_program(const std::vector<std::string>& words, const std::string& input, bool with_errors,
                          std::vector<std::string> environment) {
  const rpc::Descriptor in = file_of(input, words.front());
  std::array<int, 2> pipe_ends;
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) cannot_start(words.front(), errno);
  const rpc::Descriptor reader(pipe_ends[0]);
  pid_t child = 0;
  int error = 0;
  {
    const rpc::Descriptor writer(pipe_ends[1]);
    const std::vector<char*> variables = pointers_to(environment);
    error = spawn(child, words, in.get(), writer.get(), with_errors, environment.empty() ? environ : variables.data());
  }
  if (error == ENOENT || error == EACCES) return {no_such_program, {}};
  if (error != 0) cannot_start(words.front(), error);
  ProgramResult result;
  result.output = read_all(reader.get());
  result.status = status_of(child);
  return result;
}

std::string shell_quoted(const std::string& word) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+:,./@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace millrace::cluster
