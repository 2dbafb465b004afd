#pragma once

#include <chrono>
#include <string>
#include <sys/types.h>

#include "rpc/socket.h"

namespace millrace::cluster {

/// An ssh that runs a command on a host. It never asks anybody anything.
class SshProcess {
 public:
  /// `ssh` is the command with options of its own, its words separated by spaces. What the host writes to standard
  /// error is kept in a file below `tmp` that has no name. Throws Error(lost_node).
  SshProcess(const std::string& ssh, const std::string& host, const std::string& command, const std::string& tmp);
  /// Ends it, should it still run.
  ~SshProcess();
  SshProcess(const SshProcess&) = delete;
  SshProcess& operator=(const SshProcess&) = delete;

  /// Its standard input and output.
  rpc::Socket& stream() { return stream_; }
  /// The last line that came on standard error so far.
  std::string last_said() const;
  /// Ends the stream, waits for ssh itself as long as `patience` before it is killed, and says why it ended: the last
  /// line on standard error, if any.
  std::string finish(std::chrono::milliseconds patience);

 private:
  rpc::Socket stream_;
  rpc::Descriptor errors_;
  pid_t process_ = -1;
};

}  // namespace millrace::cluster
