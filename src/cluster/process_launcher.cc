#include "cluster/process_launcher.h"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <millrace/error.h>

namespace millrace::cluster {
namespace {

std::vector<std::string> command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < all.size();) {
    const std::size_t end = std::min(all.find('\0', begin), all.size());
    words.push_back(all.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::vector<std::string> environment_with(const std::string& setting) {
  const std::string name = setting.substr(0, setting.find('=') + 1);
  std::vector<std::string> out;
  for (char** each = environ; *each != nullptr; ++each) {
    if (std::strncmp(*each, name.c_str(), name.size()) != 0) out.emplace_back(*each);
  }
  out.push_back(setting);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

std::string how(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  }
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

}  // namespace

ProcessLauncher::~ProcessLauncher() { finish(std::chrono::milliseconds(0)); }

void ProcessLauncher::launch(std::uint32_t ticket) {
  std::vector<std::string> arguments = command_line();
  std::vector<std::string> variables =
      environment_with(fmt::format("{}={},{}", executor_variable, directory_->path(), ticket));
  const std::string log = directory_->log_path(ticket);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  const int error =
      posix_spawn(&child, "/proc/self/exe", &files, nullptr, pointers(arguments).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    throw Error(Cause::lost_node, fmt::format("executor {} cannot be started: {}", ticket, std::strerror(error)));
  }
  children_.emplace(child, ticket);
}

std::vector<std::pair<std::uint32_t, std::string>> ProcessLauncher::ended() {
  std::vector<std::pair<std::uint32_t, std::string>> out;
  for (auto child = children_.begin(); child != children_.end();) {
    int status = 0;
    const auto here = child++;
    if (waitpid(here->first, &status, WNOHANG) != here->first) continue;
    out.emplace_back(here->second, how(status));
    children_.erase(here);
  }
  return out;
}

void ProcessLauncher::kill(std::uint32_t ticket) {
  for (const auto& [child, each] : children_) {
    if (each == ticket) ::kill(child, SIGKILL);
  }
}

void ProcessLauncher::finish(std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  auto pause = std::chrono::microseconds(100);
  for (ended(); !children_.empty() && std::chrono::steady_clock::now() < end; ended()) {
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(10000));
  }
  for (const auto& [child, ticket] : children_) {
    ::kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  children_.clear();
  directory_->remove();
}

}  // namespace millrace::cluster
