#include "jobs/stream/external_process.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <millrace/error.h>

#include "jobs/stream/spawn.h"

namespace millrace::jobs::stream {
namespace {

constexpr int poll_milliseconds = 100;          // how late a cancellation may be seen
constexpr std::size_t error_bytes = 64 * 1024;  // of standard error at once

[[noreturn]] void fail_system(const std::string& what) {
  throw Error(Cause::internal, fmt::format("{}: {}", what, std::strerror(errno)));
}

bool is_executable_file(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

/// The value of NAME in a list of NAME=value; the last one counts.
std::string_view variable(const std::vector<std::string>& environment, std::string_view name) {
  for (auto entry = environment.rbegin(); entry != environment.rend(); ++entry) {
    if (entry->size() > name.size() && entry->starts_with(name) && (*entry)[name.size()] == '=') {
      return std::string_view(*entry).substr(name.size() + 1);
    }
  }
  return {};
}

/// Where the program is: in the working directory first, then in PATH.
std::string find_program(const ProcessSpec& spec) {
  const std::string& name = spec.arguments.front();
  if (name.starts_with('/')) return name;
  const std::string local = spec.directory + "/" + name;
  if (is_executable_file(local)) return local;
  if (name.find('/') == std::string::npos) {
    std::string_view path = variable(spec.environment, "PATH");
    while (!path.empty()) {
      const std::size_t colon = path.find(':');
      const std::string candidate = fmt::format("{}/{}", path.substr(0, colon), name);
      if (colon != 0 && candidate.starts_with('/') && is_executable_file(candidate)) return candidate;
      path.remove_prefix(colon == std::string_view::npos ? path.size() : colon + 1);
    }
  }
  const bool exists = ::access(local.c_str(), F_OK) == 0;
  throw Error(Cause::user_code,
              exists
                  ? fmt::format("command '{}': the file is not executable; make it so with chmod +x", name)
                  : fmt::format("command '{}' was not found in the task's directory or in PATH; share it with -file or "
                                "-files, or give its absolute path",
                                name));
}

struct Pipe {
  int read_end;
  int write_end;
};

/// Both ends are closed on exec. Throws Error(internal).
Pipe make_pipe(std::size_t bytes) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail_system("a pipe to a command");
  // Large pipes save switches between the two processes; a user over the system's quota gets an ordinary one.
  ::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(bytes));
  return {ends[0], ends[1]};
}

void set_non_blocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

/// Keeps SIGPIPE from this thread while it writes to a command, and takes away the one that it caused.
class SigpipeBlock {
 public:
  SigpipeBlock() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  ~SigpipeBlock() {
    const timespec now{};
    if (!was_pending_) {
      while (sigtimedwait(&sigpipe_, nullptr, &now) == -1 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeBlock(const SigpipeBlock&) = delete;
  SigpipeBlock& operator=(const SigpipeBlock&) = delete;

 private:
  sigset_t sigpipe_;
  sigset_t before_;
  bool was_pending_;
};

}  // namespace

std::string to_text(const ExitStatus& status) {
  if (status.signal != 0) return fmt::format("signal {} ({})", status.signal, ::strsignal(status.signal));
  return fmt::format("exit status {}", status.code);
}

void ExternalProcess::Descriptor::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

ExternalProcess::ExternalProcess(const ProcessSpec& spec, Receive output, Receive errors)
    : receive_output_(std::move(output)),
      receive_errors_(std::move(errors)),
      silence_limit_(spec.silence_limit),
      cancelled_(spec.cancelled),
      last_byte_(std::chrono::steady_clock::now()),
      buffer_bytes_(spec.pipe_bytes) {
  for (const std::string& argument : spec.arguments) command_ += (command_.empty() ? "" : " ") + argument;
  start(spec);
  buffer_ = std::make_unique_for_overwrite<char[]>(buffer_bytes_);
}

ExternalProcess::~ExternalProcess() {
  if (pid_ < 0) return;
  kill_group();
  reap();
}

void ExternalProcess::start(const ProcessSpec& spec) {
  if (spec.arguments.empty()) throw Error(Cause::usage, "a command is empty");
  const std::string program = find_program(spec);
  const Pipe input = make_pipe(spec.pipe_bytes);
  Descriptor child_input(input.read_end);
  input_ = Descriptor(input.write_end);
  const Pipe output = make_pipe(spec.pipe_bytes);
  Descriptor child_output(output.write_end);
  output_ = Descriptor(output.read_end);
  const Pipe error = make_pipe(error_bytes);
  Descriptor child_error(error.write_end);
  error_ = Descriptor(error.read_end);
  for (const int fd : {input_.get(), output_.get(), error_.get()}) set_non_blocking(fd);

  const int result = spawn({program, spec.arguments, spec.environment, spec.directory, child_input.get(),
                            child_output.get(), child_error.get()},
                           pid_);
  if (result == 0) return;
  pid_ = -1;
  if (result == ENOEXEC) {
    throw Error(Cause::user_code,
                fmt::format("command '{}': {} has no #! line and is no program; name its interpreter, as in "
                            "'python3 {}'",
                            command_, program, spec.arguments.front()));
  }
  if (result == E2BIG) {
    throw Error(Cause::user_code, fmt::format("command '{}': arguments and environment are too long; set "
                                              "stream.jobconf.truncate.limit to cut long properties",
                                              command_));
  }
  throw Error(result == EAGAIN || result == ENOMEM ? Cause::internal : Cause::user_code,
              fmt::format("command '{}' cannot be started: {}", command_, std::strerror(result)));
}

void ExternalProcess::write(std::string_view bytes) {
  while (!bytes.empty() && input_.is_open()) step(bytes);
}

ExitStatus ExternalProcess::finish() {
  input_.close();
  std::string_view nothing;
  while (output_.is_open()) step(nothing);
  // What the command left running may hold its standard error open; the command's own end counts.
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_) break;
    step(nothing);
  }
  if (error_.is_open()) read_errors();
  kill_group();
  return reap();
}

/// One round of poll(): whatever is ready moves.
void ExternalProcess::step(std::string_view& pending) {
  check_alive();
  std::array<pollfd, 3> waits = {{{input_.get(), POLLOUT, 0}, {output_.get(), POLLIN, 0}, {error_.get(), POLLIN, 0}}};
  const bool has_pipe = input_.is_open() || output_.is_open() || error_.is_open();
  // With nothing left to read, only the end is waited for, and that wakes no poll().
  const int ready = ::poll(waits.data(), waits.size(), has_pipe ? poll_milliseconds : 1);
  if (ready < 0 && errno != EINTR) fail_system(fmt::format("waiting for command '{}'", command_));
  if (ready <= 0) return;
  if (silence_limit_.count() > 0) last_byte_ = std::chrono::steady_clock::now();
  if (waits[2].revents != 0) read_errors();
  if (waits[1].revents != 0) read_output();
  if (waits[0].revents != 0) feed(pending);
}

void ExternalProcess::feed(std::string_view& pending) {
  const SigpipeBlock block;
  const ssize_t count = ::write(input_.get(), pending.data(), pending.size());
  if (count >= 0) {
    pending.remove_prefix(static_cast<std::size_t>(count));
    bytes_written_ += static_cast<std::uint64_t>(count);
  } else if (errno == EPIPE) {
    input_.close();
  } else if (errno != EAGAIN && errno != EINTR) {
    fail_system(fmt::format("writing to command '{}'", command_));
  }
}

void ExternalProcess::read_output() {
  const ssize_t count = ::read(output_.get(), buffer_.get(), buffer_bytes_);
  if (count > 0) {
    bytes_read_ += static_cast<std::uint64_t>(count);
    receive_output_({buffer_.get(), static_cast<std::size_t>(count)});
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    output_.close();
  }
}

void ExternalProcess::read_errors() {
  std::array<char, error_bytes> bytes;
  for (;;) {
    const ssize_t count = ::read(error_.get(), bytes.data(), bytes.size());
    if (count > 0) {
      receive_errors_({bytes.data(), static_cast<std::size_t>(count)});
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count == 0 || errno != EAGAIN) error_.close();
    return;
  }
}

void ExternalProcess::check_alive() {
  if (cancelled_ && cancelled_()) {
    kill_group();
    throw Error(Cause::user_code, fmt::format("command '{}' was stopped: its attempt was cancelled", command_));
  }
  if (silence_limit_.count() > 0 && std::chrono::steady_clock::now() - last_byte_ > silence_limit_) {
    kill_group();
    throw Error(Cause::user_code, fmt::format("command '{}' neither read nor wrote for {} ms and was stopped; "
                                              "mapreduce.task.timeout sets the limit",
                                              command_, silence_limit_.count()));
  }
}

void ExternalProcess::kill_group() { ::kill(-pid_, SIGKILL); }

ExitStatus ExternalProcess::reap() {
  int raw = 0;
  while (::waitpid(pid_, &raw, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFSIGNALED(raw)) return {128 + WTERMSIG(raw), WTERMSIG(raw)};
  return {WEXITSTATUS(raw), 0};
}

}  // namespace millrace::jobs::stream
