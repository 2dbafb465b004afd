#include "cluster/ssh_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <millrace/error.h>

#include "cluster/self_process.h"

namespace millrace::cluster {
namespace {

// The first value of an option counts for ssh: those of the user's command come before ours.
std::vector<std::string> words_of(const std::string& ssh, const std::string& host, const std::string& command) {
  std::vector<std::string> words;
  std::istringstream text(ssh.empty() ? "ssh" : ssh);
  for (std::string word; text >> word;) words.push_back(word);
  for (const char* word : {"-T", "-x", "-a", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o",
                           "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3", "--"}) {
    words.emplace_back(word);
  }
  words.push_back(host);
  words.push_back(command);
  return words;
}

rpc::Descriptor nameless_file(const std::string& tmp) {
  std::string path = tmp + "/millrace-ssh-XXXXXX";
  rpc::Descriptor file(mkostemp(path.data(), O_CLOEXEC | O_APPEND));
  if (!file) throw Error(Cause::output, fmt::format("{}: cannot be made: {}", path, std::strerror(errno)));
  unlink(path.c_str());
  return file;
}

std::string last_line(int file) {
  std::array<char, 4096> tail;
  const off_t size = std::max<off_t>(lseek(file, 0, SEEK_END), 0);
  const off_t begin = std::max<off_t>(size - static_cast<off_t>(tail.size()), 0);
  const ssize_t count = pread(file, tail.data(), tail.size(), begin);
  std::string text(tail.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  const std::size_t end = text.find_last_not_of(" \r\n");
  text.resize(end == std::string::npos ? 0 : end + 1);
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

SshProcess::SshProcess(const std::string& ssh, const std::string& host, const std::string& command,
                       const std::string& tmp)
    : errors_(nameless_file(tmp)) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw Error(Cause::lost_node, fmt::format("ssh cannot be started: {}", std::strerror(errno)));
  }
  stream_ = rpc::Socket(rpc::Descriptor(ends[0]), "host " + host);
  const rpc::Descriptor its(ends[1]);
  std::vector<std::string> words = words_of(ssh, host, command);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, its.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, its.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, errors_.get(), STDERR_FILENO);
  // A group of its own: Ctrl-C is for the driver, which ends its executors itself.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  const int error = posix_spawnp(&process_, pointers.front(), &files, &attributes, pointers.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    process_ = -1;
    throw Error(Cause::usage, fmt::format("{} cannot be started: {}", words.front(), std::strerror(error)));
  }
}

SshProcess::~SshProcess() { finish(std::chrono::milliseconds(0)); }

std::string SshProcess::last_said() const { return last_line(errors_.get()); }

std::string SshProcess::finish(std::chrono::milliseconds patience) {
  if (process_ < 0) return {};
  stream_.shut_down();
  int status = 0;
  const auto end = std::chrono::steady_clock::now() + patience;
  while (waitpid(process_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= end) ::kill(process_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  process_ = -1;
  const std::string said = last_said();
  return said.empty() ? "ssh " + how_it_ended(status) : said;
}

}  // namespace millrace::cluster
