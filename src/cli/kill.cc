#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <poll.h>
#include <sys/syscall.h>
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

using Clock = std::chrono::steady_clock;

/// A process, whatever becomes of its number.
class Process {
 public:
  explicit Process(pid_t pid) : descriptor_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}

  bool known() const { return static_cast<bool>(descriptor_); }
  void send(int signal) const { syscall(SYS_pidfd_send_signal, descriptor_.get(), signal, nullptr, 0); }
  bool ended_by(Clock::time_point end) const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd waiting{descriptor_.get(), POLLIN, 0};
    return poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) > 0;
  }

 private:
  rpc::Descriptor descriptor_;
};

// Of every thread: a process's children belong to the thread that made them.
std::vector<Process> children_of(pid_t pid) {
  std::vector<Process> out;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), error)) {
    std::ifstream file(task.path() / "children");
    for (pid_t child = 0; file >> child;) {
      if (Process process(child); process.known()) out.push_back(std::move(process));
    }
  }
  return out;
}

void end_local(const LocalRun& run, std::chrono::seconds patience) {
  const Process driver(run.pid);
  // The number may have gone to another since the list was made: the entry's lock says whose it is now.
  const auto now = local_run(run.name);
  if (!driver.known() || !now || now->pid != run.pid) {
    std::cout << "run " << run.name << " has ended\n";
    return;
  }
  const std::vector<Process> children = children_of(run.pid);
  driver.send(SIGTERM);  // as Ctrl-C, which shells keep from what they run in the background
  driver.send(SIGCONT);
  const bool by_itself = driver.ended_by(Clock::now() + patience);
  if (!by_itself) {
    driver.send(SIGKILL);
    driver.ended_by(Clock::now() + patience);
  }
  // Executors end when their driver's stream does.
  const auto end = Clock::now() + patience;
  bool all = true;
  for (const Process& child : children) {
    if (child.ended_by(end)) continue;
    all = false;
    child.send(SIGKILL);
    child.ended_by(Clock::now() + patience);
  }
  std::error_code ignored;
  for (const std::string& directory : run_directories(run)) std::filesystem::remove_all(directory, ignored);
  local_runs();  // takes its entry away
  if (by_itself && all) {
    std::cout << "run " << run.name << " has ended\n";
  } else if (by_itself) {
    std::cout << "run " << run.name << " has ended, and executors of it that did not were killed (SIGKILL)\n";
  } else {
    std::cout << "run " << run.name << " did not end within " << patience.count()
              << " s and was killed (SIGKILL): temporary files may be left in " << run.tmp
              << " and beside its output\n";
  }
}

void end_in_slurm(const std::string& id, std::chrono::seconds patience) {
  if (const SlurmJob job = slurm_job(id); job.state.empty() || job.ended()) {
    throw Error(Cause::input, "Slurm has no job " + id + " that goes on; millrace ps lists those that do");
  }
  const ProgramResult cancelled = run_program({"scancel", id});
  if (cancelled.status != 0) throw Error(Cause::input, "Slurm does not cancel job " + id + ": " + cancelled.output);
  const auto end = Clock::now() + patience;
  for (;;) {
    const SlurmJob job = slurm_job(id);
    if (job.state != "COMPLETING" && job.ended()) break;
    if (Clock::now() >= end) {
      std::cout << "job " << id << " is cancelled; after " << patience.count() << " s Slurm still says " << job.state
                << '\n';
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
  }
  std::cout << "job " << id << " is cancelled\n";
}

}  // namespace

int run_kill(const Invocation& invocation) {
  CommandLine line(
      "Ends runs as Ctrl-C does, and waits until they have tidied up: their executors end, and nothing of their "
      "output\n"
      "appears. The run's own exit status is 130. A run on this machine that does not end in time is killed "
      "(SIGKILL);\n"
      "one in Slurm is cancelled (scancel)");
  std::vector<std::string> names;
  line.arguments("RUN", names, "As millrace ps names them: 12345, or slurm:57");
  std::uint64_t seconds = 10;
  line.number("--patience", seconds, "Seconds until a run that does not end is killed (default: 10)", 1, 86400);
  if (!line.parse(invocation)) return 0;
  const std::chrono::seconds patience(seconds);
  int status = 0;
  for (const std::string& name : names) {
    try {
      if (const auto id = slurm_id(name)) {
        end_in_slurm(*id, patience);
      } else if (const auto run = local_run(name)) {
        end_local(*run, patience);
      } else {
        throw Error(Cause::input, "no run '" + name + "' goes on here; millrace ps lists those that do");
      }
    } catch (const Error& error) {
      std::cerr << "millrace kill: " << error.what() << '\n';
      status = 1;
    }
  }
  return status;
}

}  // namespace millrace::cli
