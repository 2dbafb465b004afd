#include "cli/local_runs.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include "cluster/program.h"
#include "cluster/run_directory.h"
#include "cluster/run_entry.h"
#include "cluster/small_file.h"
#include "rpc/socket.h"

namespace millrace::cli {
namespace {

std::string link_target(const std::string& path) {
  std::error_code error;
  const auto target = std::filesystem::read_symlink(path, error);
  return error ? std::string() : target.string();
}

std::string command_of(pid_t pid) {
  const std::string all = cluster::content_of(fmt::format("/proc/{}/cmdline", pid));
  std::string out;
  for (std::size_t begin = 0; begin < all.size();) {
    const std::size_t end = std::min(all.find('\0', begin), all.size());
    out += (out.empty() ? "" : " ") + cluster::shell_quoted(all.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

bool is_stopped(pid_t pid) {
  const std::string text = cluster::content_of(fmt::format("/proc/{}/stat", pid));
  const std::size_t end = text.rfind(')');
  return end != std::string::npos && end + 2 < text.size() && (text[end + 2] == 'T' || text[end + 2] == 't');
}

void take_line(LocalRun& run, const std::string& line) {
  const std::size_t blank = line.find(' ');
  if (blank == std::string::npos) return;
  const std::string name = line.substr(0, blank);
  std::istringstream value(line.substr(blank + 1));
  if (name == "started") value >> run.started;
  if (name == "tmp") run.tmp = value.str();
  if (name == "page") run.page = value.str();
  if (name == "events") run.events = value.str();
  if (name == "report") run.report = value.str();
  if (name != "status") return;
  value >> run.jobs >> run.done >> run.tasks >> run.running >> run.executors >> std::ws;
  std::getline(value, run.job);
  run.job.erase(run.job.find_last_not_of(' ') + 1);
}

// The process that holds the entry's lock; 0: none.
pid_t holder_of(int file) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (fcntl(file, F_GETLK, &whole) != 0 || whole.l_type == F_UNLCK) return 0;
  return whole.l_pid;
}

std::optional<LocalRun> read_entry(const std::string& path) {
  const rpc::Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return std::nullopt;
  LocalRun run;
  run.pid = holder_of(file.get());
  if (run.pid <= 0) {
    struct stat seen {};
    // An empty one is about to be locked.
    if (fstat(file.get(), &seen) == 0 && seen.st_size != 0) unlink(path.c_str());
    return std::nullopt;
  }
  run.entry = path;
  run.name = std::filesystem::path(path).filename().string();
  std::istringstream text(cluster::content_of(path));
  std::string line;
  if (!std::getline(text, line) || line != "millrace run 1") return std::nullopt;
  while (std::getline(text, line)) take_line(run, line);
  run.command = command_of(run.pid);
  run.directory = link_target(fmt::format("/proc/{}/cwd", run.pid));
  run.stopped = is_stopped(run.pid);
  return run;
}

}  // namespace

std::vector<LocalRun> local_runs() {
  std::vector<LocalRun> out;
  const auto directory = cluster::runs_directory(false);
  if (!directory) return out;
  std::error_code error;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(*directory, error)) {
    paths.push_back(entry.path().string());
  }
  for (const std::string& path : paths) {
    if (auto run = read_entry(path)) out.push_back(std::move(*run));
  }
  std::sort(out.begin(), out.end(), [](const LocalRun& left, const LocalRun& right) {
    return std::pair(left.started, left.name) < std::pair(right.started, right.name);
  });
  return out;
}

std::optional<LocalRun> local_run(const std::string& name) {
  for (LocalRun& run : local_runs()) {
    if (run.name == name) return std::move(run);
  }
  return std::nullopt;
}

std::vector<std::string> run_directories(const LocalRun& run) {
  std::vector<std::string> out;
  const std::string prefix = fmt::format("{}{}-{}-", cluster::run_directory_name, geteuid(), run.pid);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(run.directory) / run.tmp, error)) {
    if (entry.path().filename().string().starts_with(prefix)) out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string file_behind(pid_t pid, int descriptor) {
  const std::string target = link_target(fmt::format("/proc/{}/fd/{}", pid, descriptor));
  std::error_code error;
  return std::filesystem::is_regular_file(target, error) ? target : std::string();
}

std::optional<std::string> slurm_id(const std::string& run) {
  constexpr std::string_view prefix = "slurm:";
  if (!run.starts_with(prefix)) return std::nullopt;
  const std::string id = run.substr(prefix.size());
  if (id.empty() || id.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return id;
}

}  // namespace millrace::cli
