#include "jobs/stream/command_attempt.h"

#include <fmt/format.h>
#include <system_error>

#include <millrace/error.h>

#include "jobs/stream/command_line.h"

namespace millrace::jobs::stream {
namespace {

namespace fs = std::filesystem;

std::string program_of(const std::string& command) {
  const std::vector<std::string> arguments = split_command(command);
  return arguments.empty() ? std::string() : arguments.front();
}

}  // namespace

CommandAttempt::CommandAttempt(const CommandSpec& spec, TaskFacts facts, std::function<bool()> cancelled,
                               ExternalProcess::Receive output)
    : spec_(spec),
      facts_(std::move(facts)),
      directory_(spec.job_directory, facts_.attempt_id(), spec.files, program_of(spec.command)),
      log_path_(fs::path(spec.log_directory) / facts_.attempt_id() / "stderr"),
      errors_(spec.reporter_prefix, [this](std::string_view line) { log_ << line; }) {
  std::error_code error;
  fs::create_directories(log_path_.parent_path(), error);
  log_.open(log_path_, std::ios::app | std::ios::binary);
  if (!log_) {
    throw Error(Cause::output, fmt::format("{}: the log of a command cannot be written", log_path_.string()));
  }
  facts_.work = directory_.work().string();
  facts_.temporary = directory_.temporary().string();
  ProcessSpec process;
  process.arguments = split_command(spec.command);
  process.environment = task_environment(spec.environment, facts_);
  process.directory = facts_.work;
  process.silence_limit = std::chrono::milliseconds(spec.silence_limit_ms);
  process.cancelled = std::move(cancelled);
  process_ = std::make_unique<ExternalProcess>(process, std::move(output),
                                               [this](std::string_view bytes) { errors_.add(bytes); });
}

CommandAttempt::~CommandAttempt() = default;

void CommandAttempt::finish() {
  const ExitStatus status = process_->finish();
  errors_.finish();
  log_.flush();
  if (status.ok() || !spec_.nonzero_exit_fails) return;
  if (!spec_.debug_command.empty()) run_debug_command();
  const std::string last = errors_.last_lines();
  throw Error(Cause::user_code, fmt::format("command '{}' ended with {} in {}; its standard error is in {}{}{}",
                                            spec_.command, to_text(status), facts_.attempt_id(), log_path_.string(),
                                            last.empty() ? "" : " and ends with:\n", last));
}

/// As Hadoop calls it: the script with the files of standard output, standard error, the system's log and the job's
/// configuration; those that there are not are /dev/null. What it prints goes to the attempt's log directory.
void CommandAttempt::run_debug_command() {
  std::ofstream printed(log_path_.parent_path() / "debugout", std::ios::app | std::ios::binary);
  const auto print = [&](std::string_view bytes) { printed << bytes; };
  ProcessSpec spec;
  spec.arguments = split_command(spec_.debug_command);
  for (const std::string& argument :
       {std::string("/dev/null"), log_path_.string(), std::string("/dev/null"), std::string("/dev/null")}) {
    spec.arguments.push_back(argument);
  }
  spec.environment = task_environment(spec_.environment, facts_);
  spec.directory = facts_.work;
  try {
    ExternalProcess(spec, print, print).finish();
  } catch (const Error& error) {
    printed << error.what() << '\n';  // the task has failed already; why its debug script did belongs beside it
  }
}

}  // namespace millrace::jobs::stream
