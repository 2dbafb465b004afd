#include <algorithm>
#include <array>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <map>
#include <thread>
#include <unistd.h>

#include <millrace/error.h>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/local_runs.h"
#include "cli/slurm_client.h"
#include "rpc/socket.h"

namespace millrace::cli {
namespace {

/// Files that grow, and may be removed meanwhile: what is open stays readable to its end.
class Logs {
 public:
  /// It is not an error when it is known already, or not there yet.
  void add(const std::string& title, const std::string& path) {
    if (path.empty() || known_.contains(path)) return;
    rpc::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return;
    known_.emplace(path, logs_.size());
    logs_.push_back({title + ": " + path, std::move(file)});
  }
  bool empty() const { return logs_.empty(); }

  /// What has come since it was asked last, each piece under the title of its file.
  void print() {
    for (std::size_t index = 0; index < logs_.size(); ++index) print(index);
    std::cout.flush();
  }

 private:
  struct Log {
    std::string title;
    rpc::Descriptor file;
  };

  void print(std::size_t index) {
    std::array<char, 65536> piece;
    for (;;) {
      const ssize_t count = read(logs_[index].file.get(), piece.data(), piece.size());
      if (count <= 0) return;
      if (titled_ != index) std::cout << (titled_ == none ? "" : "\n") << "==> " << logs_[index].title << " <==\n";
      titled_ = index;
      std::cout.write(piece.data(), count);
    }
  }

  static constexpr std::size_t none = ~std::size_t{0};
  std::vector<Log> logs_;
  std::map<std::string, std::size_t> known_;
  std::size_t titled_ = none;
};

constexpr std::chrono::milliseconds between_looks(200);

// Those of a run's executors may come at any time.
void add_executors(Logs& logs, const LocalRun& run) {
  for (const std::string& directory : run_directories(run)) {
    std::vector<std::string> paths;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
      if (entry.path().extension() == ".log") paths.push_back(entry.path().string());
    }
    std::sort(paths.begin(), paths.end());
    for (const std::string& path : paths) {
      std::string title = std::filesystem::path(path).stem().string();
      std::replace(title.begin(), title.end(), '-', ' ');
      logs.add(title, path);
    }
  }
}

int local_logs(LocalRun run, bool follow) {
  Logs logs;
  logs.add("standard output", file_behind(run.pid, STDOUT_FILENO));
  logs.add("standard error", file_behind(run.pid, STDERR_FILENO));
  add_executors(logs, run);
  if (logs.empty() && !follow) {
    std::cerr << "millrace logs: run " << run.name
              << " prints to its terminal or a pipe, and its tasks run in its own process: there is no file to show\n";
  }
  logs.print();
  while (follow) {
    std::this_thread::sleep_for(between_looks);
    const auto now = local_run(run.name);
    const bool goes_on = now && now->pid == run.pid;
    add_executors(logs, run);
    logs.print();
    if (!goes_on) break;
  }
  return 0;
}

void add_executors(Logs& logs, const std::string& id, const std::string& out) {
  const std::string prefix = "millrace-executor-" + id + ".";
  std::error_code error;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(out).parent_path(), error)) {
    if (entry.path().filename().string().starts_with(prefix)) paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) logs.add("executor", path);
}

int slurm_logs(const std::string& id, bool follow) {
  SlurmJob job = slurm_job(id);
  if (job.state.empty()) {
    throw Error(Cause::input, fmt::format("Slurm does not know job {} any more; what millrace submit kept of it is in "
                                          "millrace-*-{}.out and .err where it was submitted",
                                          id, id));
  }
  Logs logs;
  for (;;) {
    logs.add("standard output", job.out);
    logs.add("standard error", job.err);
    add_executors(logs, id, job.out);
    logs.print();
    if (!follow || job.ended()) return 0;
    std::this_thread::sleep_for(10 * between_looks);  // controllers suffer from clients that ask often
    if (SlurmJob now = slurm_job(id); !now.state.empty()) {
      job = std::move(now);
    } else {
      job.state.clear();
    }
  }
}

}  // namespace

int run_logs(const Invocation& invocation) {
  CommandLine line(
      "Prints what a run and its executors have printed, as far as it went to files: a job of Slurm prints to files, "
      "and\n"
      "so do executors in processes of their own; standard output and standard error of a run on this machine are "
      "shown\n"
      "when they were redirected to files");
  std::string name;
  line.argument("RUN", name, "As millrace ps names it: 12345, or slurm:57");
  bool follow = false;
  line.flag("-f,--follow", follow, "Go on until the run ends");
  if (!line.parse(invocation)) return 0;
  if (const auto id = slurm_id(name)) return slurm_logs(*id, follow);
  auto run = local_run(name);
  if (!run) throw Error(Cause::input, "no run '" + name + "' goes on here; millrace ps lists those that do");
  return local_logs(std::move(*run), follow);
}

}  // namespace millrace::cli
