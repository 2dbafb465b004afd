#include "cluster/process_launcher.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <thread>

#include <millrace/error.h>

#include "cluster/self_process.h"

namespace millrace::cluster {
namespace {

rpc::Descriptor open_or_throw(const std::string& path, int flags) {
  rpc::Descriptor file(open(path.c_str(), flags | O_CLOEXEC, 0600));
  if (!file) throw Error(Cause::lost_node, fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  return file;
}

}  // namespace

ProcessLauncher::~ProcessLauncher() { finish(std::chrono::milliseconds(0)); }

void ProcessLauncher::launch(std::uint32_t ticket) {
  const rpc::Descriptor nothing = open_or_throw("/dev/null", O_RDONLY);
  const rpc::Descriptor log = open_or_throw(directory_->log_path(ticket), O_WRONLY | O_CREAT | O_APPEND);
  const std::string role = fmt::format("{},{}", directory_->path(), ticket);
  children_.emplace(start_self(role, {nothing.get(), log.get(), log.get()}), ticket);
}

std::vector<std::pair<std::uint32_t, std::string>> ProcessLauncher::ended() {
  std::vector<std::pair<std::uint32_t, std::string>> out;
  for (auto child = children_.begin(); child != children_.end();) {
    int status = 0;
    const auto here = child++;
    if (waitpid(here->first, &status, WNOHANG) != here->first) continue;
    out.emplace_back(here->second, how_it_ended(status));
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
