#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace millrace::jobs::stream {

/// What to start and where.
struct ProcessSpec {
  std::vector<std::string> arguments;    ///< arguments[0]: a path, or a name looked up in `directory` and then in PATH
  std::vector<std::string> environment;  ///< NAME=value, all of it
  std::string directory;                 ///< the working directory; exists
  std::size_t pipe_bytes = std::size_t{1} << 20;  ///< capacity asked for; less is used where the system grants less
  std::chrono::milliseconds silence_limit{0};     ///< fail when no byte went either way for so long; 0: never
  const std::atomic<bool>* cancelled = nullptr;   ///< looked at at least ten times a second; may be null
};

/// How a process ended.
struct ExitStatus {
  int code = 0;    ///< its exit status; of a killed one 128 + signal
  int signal = 0;  ///< what killed it; 0: nothing did
  bool ok() const { return code == 0; }
};

/// "exit status 3", "signal 9 (Killed)".
std::string to_text(const ExitStatus& status);

/// A running command: its standard input is fed from `source`, its standard output is read by the owner, its standard
/// error goes to `errors`, all by poll() in the owner's thread, so that no order in which the command reads, writes or
/// closes can block the two against each other. That a command stops reading before its input ends is not an error.
///
/// Owned and used by one thread. The destructor kills the command and everything in its process group, and reaps it.
class ExternalProcess {
 public:
  /// The next bytes for standard input; empty: no more. The view stays valid until the next call. Called within read()
  /// and wait() only, and never again once the command has closed its standard input.
  using Source = std::function<std::string_view()>;
  /// Bytes of standard error, as they come.
  using Errors = std::function<void(std::string_view)>;

  /// Starts the command. Throws Error(user_code) that names it when it does not exist or cannot be run, Error(internal)
  /// when the system has no process or pipe left.
  ExternalProcess(const ProcessSpec& spec, Source source, Errors errors);
  ~ExternalProcess();
  ExternalProcess(const ExternalProcess&) = delete;
  ExternalProcess& operator=(const ExternalProcess&) = delete;

  /// The next bytes of standard output, valid until the next call; empty: there are no more. Blocks. What `source` and
  /// `errors` throw passes through. Throws Error(user_code) when the silence limit is reached or the job is cancelled;
  /// the command is killed then.
  std::string_view read();

  /// Waits for the end of the command, draining what is left of its outputs. Call after read() returned nothing; the
  /// bytes of standard output that remain otherwise are dropped.
  ExitStatus wait();

  /// Bytes that the command took from its standard input's pipe or that still stand in it.
  std::uint64_t bytes_written() const { return bytes_written_; }
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  class Descriptor {
   public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
      std::swap(fd_, other.fd_);
      return *this;
    }
    ~Descriptor() { close(); }
    int get() const { return fd_; }
    bool is_open() const { return fd_ >= 0; }
    void close();

   private:
    int fd_ = -1;
  };

  void start(const ProcessSpec& spec);
  void step(bool want_output);
  void feed();
  void read_errors();
  void check_alive();
  void kill_group();
  ExitStatus reap();

  std::string command_;  // for errors
  Source source_;
  Errors errors_;
  std::chrono::milliseconds silence_limit_;
  const std::atomic<bool>* cancelled_;
  std::chrono::steady_clock::time_point last_byte_;

  pid_t pid_ = -1;
  Descriptor input_;
  Descriptor output_;
  Descriptor error_;
  std::string_view pending_;  // of the source, not yet written
  std::unique_ptr<char[]> buffer_;
  std::size_t buffer_bytes_ = 0;
  std::size_t filled_ = 0;
  std::uint64_t bytes_written_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace millrace::jobs::stream
