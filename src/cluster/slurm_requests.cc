#include "cluster/slurm_requests.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <set>
#include <sstream>
#include <unistd.h>

#include <millrace/error.h>

#include "cluster/program.h"
#include "cluster/self_process.h"
#include "cluster/slurm.h"

namespace millrace::cluster {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

// Without what Slurm says of the driver's task: an executor's job has a place of its own.
std::vector<std::string> environment_without_slurm() {
  std::vector<std::string> out;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view setting = *each;
    const bool of_a_task = setting.starts_with("SLURM") && !setting.starts_with("SLURM_CONF=");
    if (!of_a_task) out.emplace_back(setting);
  }
  return out;
}

std::string writable_folder() {
  std::error_code error;
  const std::string here = std::filesystem::current_path(error).string();
  return error || access(here.c_str(), W_OK | X_OK) != 0 || here.find('%') != std::string::npos ? std::string() : here;
}

// Runs the program that the driver runs, with the same arguments: it comes as far as its Context, and is an executor.
std::string script_of(const std::string& driver, std::uint32_t first, const std::string& log) {
  std::vector<std::string> words = own_arguments();
  words.front() = std::filesystem::read_symlink("/proc/self/exe").string();
  std::string out = fmt::format("#!/bin/sh\n{}=\"slurm:{},$(({} + SLURM_ARRAY_TASK_ID))\"\nexport {}\n",
                                executor_variable, driver, first, executor_variable);
  for (const std::string& word : words) out += shell_quoted(word) + ' ';
  out += "\ncode=$?\n";
  if (!log.empty()) {
    out +=
        fmt::format("log={}-\"$SLURM_ARRAY_JOB_ID\"_\"$SLURM_ARRAY_TASK_ID\".log\n[ -s \"$log\" ] || rm -f \"$log\"\n",
                    shell_quoted(log));
  }
  return out + "exit $code\n";
}

std::vector<std::string> sbatch_words(const std::string& name, std::uint32_t count, unsigned cpus,
                                      const std::string& log) {
  std::vector<std::string> words = {"sbatch",
                                    "--parsable",
                                    "--job-name=" + name,
                                    fmt::format("--array=0-{}", count - 1),
                                    "--nodes=1",
                                    "--ntasks=1",
                                    fmt::format("--cpus-per-task={}", cpus),
                                    "--no-requeue",
                                    "--export=ALL",
                                    "--open-mode=append",
                                    "--output=" + (log.empty() ? "/dev/null" : log + "-%A_%a.log")};
  // Where the driver's job is, its executors are welcome, too.
  const std::pair<const char*, const char*> same[] = {{"SLURM_JOB_PARTITION", "--partition="},
                                                      {"SLURM_JOB_ACCOUNT", "--account="},
                                                      {"SLURM_JOB_QOS", "--qos="},
                                                      {"SLURM_JOB_RESERVATION", "--reservation="},
                                                      {"SLURM_MEM_PER_CPU", "--mem-per-cpu="}};
  for (const auto& [name_of_variable, option] : same) {
    const std::string value = variable(name_of_variable);
    if (!value.empty()) words.push_back(option + value);
  }
  return words;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string user() { return fmt::format("--user={}", getuid()); }

}  // namespace

std::string slurm_requests_name(const std::string& step) { return "millrace-executor-" + step; }

void cancel_waiting_requests(const std::string& name) {
  run_program({"scancel", "--state=PENDING", "--name=" + name, user()});
}

SlurmRequests::SlurmRequests(const SlurmTask& driver, unsigned cpus)
    : name_(slurm_requests_name(driver.name())),
      driver_(driver.name() + "," + driver.node),
      cpus_(cpus),
      folder_(writable_folder()) {}

SlurmRequests::~SlurmRequests() { finish(std::chrono::milliseconds(0)); }

void SlurmRequests::ask(const std::vector<std::uint32_t>& tickets) {
  if (tickets.empty()) return;
  queue([this, first = tickets.front(), count = static_cast<std::uint32_t>(tickets.size())] { submit(first, count); });
}

void SlurmRequests::withdraw(std::uint32_t ticket) {
  queue([this, ticket] { cancel(ticket); });
}

std::vector<std::pair<std::uint32_t, std::string>> SlurmRequests::ended() {
  const std::lock_guard lock(mutex_);
  return std::exchange(ended_, {});
}

void SlurmRequests::queue(std::function<void()> command) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  commands_.push_back(std::move(command));
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  changed_.notify_one();
}

void SlurmRequests::work() {
  constexpr std::chrono::seconds between_looks(5);
  for (;;) {
    std::function<void()> command = [this] { look(); };
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, between_looks, [this] { return stopping_ || !commands_.empty(); });
      if (stopping_) return;
      if (!commands_.empty()) {
        command = std::move(commands_.front());
        commands_.pop_front();
      }
    }
    command();
  }
}

void SlurmRequests::submit(std::uint32_t first, std::uint32_t count) {
  std::string failure;
  try {
    const std::string log = folder_.empty() ? "" : folder_ + '/' + name_;
    const ProgramResult submitted = run_program(sbatch_words(name_, count, cpus_, log), script_of(driver_, first, log),
                                                true, environment_without_slurm());
    const std::string id = submitted.output.substr(0, submitted.output.find_first_of(";\n"));
    if (submitted.status == 0 && !id.empty() && id.find_first_not_of("0123456789") == std::string::npos) {
      for (std::uint32_t index = 0; index < count; ++index) {
        asked_[first + index] = {fmt::format("{}_{}", id, index),
                                 log.empty() ? "" : fmt::format("{}-{}_{}.log", log, id, index)};
      }
      return;
    }
    failure = submitted.status == 127 ? "there is no sbatch on the driver's node"
                                      : "Slurm refused more executors: " + first_line(submitted.output);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  for (std::uint32_t index = 0; index < count; ++index) drop(first + index, failure);
}

void SlurmRequests::cancel(std::uint32_t ticket) {
  const auto found = asked_.find(ticket);
  if (found == asked_.end()) return;
  run_program({"scancel", found->second.job});
}

// Those whose job is not in the queue any more have ended, whether they have joined or not.
void SlurmRequests::look() {
  if (asked_.empty()) return;
  const ProgramResult seen = run_program({"squeue", "-h", "-r", "--name=" + name_, user(), "-o", "%i"}, {}, false);
  if (seen.status != 0) return;  // the controller does not answer: they may be there
  std::istringstream lines(seen.output);
  std::set<std::string> there;
  for (std::string line; std::getline(lines, line);) there.insert(line);
  for (auto each = asked_.begin(); each != asked_.end();) {
    const auto here = each++;
    if (!there.contains(here->second.job)) drop(here->first, "its job " + here->second.job + " has ended in Slurm");
  }
}

void SlurmRequests::drop(std::uint32_t ticket, const std::string& how) {
  const auto found = asked_.find(ticket);
  if (found != asked_.end()) {
    std::error_code ignored;
    // What was cancelled could not tidy up behind itself.
    if (std::filesystem::file_size(found->second.log, ignored) == 0)
      std::filesystem::remove(found->second.log, ignored);
    asked_.erase(found);
  }
  const std::lock_guard lock(mutex_);
  ended_.emplace_back(ticket, how);
}

void SlurmRequests::finish(std::chrono::milliseconds patience) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  changed_.notify_one();
  if (!thread_.joinable()) return;
  thread_.join();
  cancel_waiting_requests(name_);
  // The others were told that the run is over.
  const auto end = std::chrono::steady_clock::now() + patience;
  for (look(); !asked_.empty() && std::chrono::steady_clock::now() < end; look()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  if (!asked_.empty()) run_program({"scancel", "--name=" + name_, user()});
  for (auto each = asked_.begin(); each != asked_.end();) drop((each++)->first, "the run is over");
}

}  // namespace millrace::cluster
