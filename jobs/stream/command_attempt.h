#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "jobs/stream/external_process.h"
#include "jobs/stream/job_directory.h"
#include "jobs/stream/standard_error.h"
#include "jobs/stream/task_environment.h"

namespace millrace::jobs::stream {

/// What a task has to know to run one command; made by the driver, travels with the task.
struct CommandSpec {
  std::string command;  ///< as it is run inside the attempt's directory
  JobNames names;
  Variables environment;  ///< the job's part
  std::vector<TaskFile> files;
  std::string job_directory;
  std::string log_directory;
  std::string debug_command;  ///< run when an attempt fails; empty: none
  std::string reporter_prefix;
  std::int64_t silence_limit_ms = 0;
  bool nonzero_exit_fails = true;

  static constexpr auto fields = std::tuple{&CommandSpec::command,          &CommandSpec::names,
                                            &CommandSpec::environment,      &CommandSpec::files,
                                            &CommandSpec::job_directory,    &CommandSpec::log_directory,
                                            &CommandSpec::debug_command,    &CommandSpec::reporter_prefix,
                                            &CommandSpec::silence_limit_ms, &CommandSpec::nonzero_exit_fails};
};

/// One command run for one attempt at a task: its private directory, its environment, its log and its counters around
/// an ExternalProcess. Owned and used by the attempt's thread; the destructor ends the command and removes the
/// directory. The log, LOG_DIRECTORY/ATTEMPT_ID/stderr, stays.
class CommandAttempt {
 public:
  /// `facts.work` and `facts.temporary` are filled in. `cancelled` and `output` as for ExternalProcess.
  /// Throws Error as ExternalProcess and AttemptDirectory do.
  CommandAttempt(const CommandSpec& spec, TaskFacts facts, std::function<bool()> cancelled,
                 ExternalProcess::Receive output);
  ~CommandAttempt();

  void write(std::string_view bytes) { process_->write(bytes); }
  bool accepts_input() const { return process_->accepts_input(); }

  /// Ends the input and waits for the command. Throws Error(user_code) that names the command, how it ended, the last
  /// lines of its standard error and where all of that is, unless the job lets commands exit as they like.
  void finish();

  /// What the command reported; complete after finish().
  const Counters& counters() const { return errors_.counters(); }

 private:
  void run_debug_command();

  const CommandSpec& spec_;
  TaskFacts facts_;
  AttemptDirectory directory_;
  std::filesystem::path log_path_;
  std::ofstream log_;
  StandardError errors_;
  std::unique_ptr<ExternalProcess> process_;
};

}  // namespace millrace::jobs::stream
