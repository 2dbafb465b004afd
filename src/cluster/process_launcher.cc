#include "cluster/process_launcher.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <millrace/error.h>

#include "cluster/self_process.h"

namespace millrace::cluster {
namespace {

rpc::Descriptor open_or_throw(const std::string& path, int flags) {
  rpc::Descriptor file(open(path.c_str(), flags | O_CLOEXEC, 0600));
  if (!file) throw Error(Cause::lost_node, fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  return file;
}

void end_adopted(const rpc::Descriptor& process) { syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0); }

}  // namespace

ProcessLauncher::~ProcessLauncher() { finish(std::chrono::milliseconds(0)); }

void ProcessLauncher::launch(std::uint32_t ticket) {
  std::error_code no_log_yet;
  const std::uintmax_t log_bytes = std::filesystem::file_size(directory_->log_path(ticket), no_log_yet);
  log_begins_[ticket] = no_log_yet ? 0 : log_bytes;
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
    out.emplace_back(here->second, how_it_ended(status) + last_words(here->second));
    children_.erase(here);
  }
  for (auto adopted = adopted_.begin(); adopted != adopted_.end();) {
    const auto here = adopted++;
    pollfd end{here->second.get(), POLLIN, 0};
    if (poll(&end, 1, 0) == 0) continue;
    out.emplace_back(here->first, "has ended; an earlier driver had started it");
    adopted_.erase(here);
  }
  return out;
}

std::string ProcessLauncher::last_words(std::uint32_t ticket) {
  constexpr std::uint64_t most = 300;
  std::ifstream file(directory_->log_path(ticket), std::ios::binary | std::ios::ate);
  if (!file) return {};
  const auto end = static_cast<std::uint64_t>(file.tellg());
  const std::uint64_t begin = std::max(log_begins_[ticket], end > most ? end - most : 0);
  if (begin >= end) return {};
  std::string text(end - begin, '\0');
  file.seekg(static_cast<std::streamoff>(begin));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.erase(text.find_last_not_of(" \r\n") + 1);
  text.erase(0, text.find_last_of('\n') + 1);
  return text.empty() ? "" : "; it printed last: " + text;
}

void ProcessLauncher::kill(std::uint32_t ticket) {
  for (const auto& [child, each] : children_) {
    if (each == ticket) ::kill(child, SIGKILL);
  }
  if (const auto adopted = adopted_.find(ticket); adopted != adopted_.end()) end_adopted(adopted->second);
}

void ProcessLauncher::finish(std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  auto pause = std::chrono::microseconds(100);
  for (ended(); !all_ended() && std::chrono::steady_clock::now() < end; ended()) {
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(10000));
  }
  for (const auto& [child, ticket] : children_) {
    ::kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  children_.clear();
  for (const auto& [ticket, process] : adopted_) end_adopted(process);
  adopted_.clear();
  directory_->remove();
}

}  // namespace millrace::cluster
