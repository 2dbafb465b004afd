#pragma once

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
  std::function<bool()> cancelled;                ///< asked at least ten times a second; may be empty
};

/// How a process ended.
struct ExitStatus {
  int code = 0;    ///< its exit status; of a killed one 128 + signal
  int signal = 0;  ///< what killed it; 0: nothing did
  bool ok() const { return code == 0; }
};

/// "exit status 3", "signal 9 (Killed)".
std::string to_text(const ExitStatus& status);

/// A running command. Its owner writes to its standard input; what it writes to standard output and standard error
/// comes back through two functions, all by poll() in the owner's thread, so that no order in which the command reads,
/// writes or closes can block the two against each other. That a command stops reading before its input ends is not an
/// error.
///
/// Owned and used by one thread. The destructor kills the command and everything in its process group, and reaps it;
/// when the thread goes without it, as in a process that is killed, the kernel kills the command.
class ExternalProcess {
 public:
  /// Is given bytes as they come; they are valid during the call only. What it throws passes through.
  using Receive = std::function<void(std::string_view)>;

  /// Starts the command. Throws Error(user_code) that names it when it does not exist or cannot be run, Error(internal)
  /// when the system has no process or pipe left.
  ExternalProcess(const ProcessSpec& spec, Receive output, Receive errors);
  ~ExternalProcess();
  ExternalProcess(const ExternalProcess&) = delete;
  ExternalProcess& operator=(const ExternalProcess&) = delete;

  /// Returns when all bytes are in the command's pipe; receives its outputs meanwhile. Blocks. Does nothing once the
  /// command has closed its standard input. Throws Error(user_code) when the silence limit is reached or the attempt is
  /// cancelled.
  void write(std::string_view bytes);
  /// False once the command has closed its standard input: there is no use in writing more.
  bool accepts_input() const { return input_.is_open(); }
  /// Ends the input, receives what is left of the outputs and waits for the command's end. Blocks; throws as write().
  ExitStatus finish();

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
  void step(std::string_view& pending);
  void feed(std::string_view& pending);
  void read_output();
  void read_errors();
  void check_alive();
  void kill_group();
  ExitStatus reap();

  std::string command_;  // for errors
  Receive receive_output_;
  Receive receive_errors_;
  std::chrono::milliseconds silence_limit_;
  std::function<bool()> cancelled_;
  std::chrono::steady_clock::time_point last_byte_;

  pid_t pid_ = -1;
  Descriptor input_;
  Descriptor output_;
  Descriptor error_;
  std::unique_ptr<char[]> buffer_;
  std::size_t buffer_bytes_ = 0;
  std::uint64_t bytes_written_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace millrace::jobs::stream
