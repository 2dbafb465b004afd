#pragma once

#include <cstdint>
#include <string>

#include "rpc/handshake.h"
#include "rpc/socket.h"

namespace millrace::cluster {

/// How the name of a run's directory begins.
inline constexpr const char* run_directory_name = "millrace-run-";

/// What the processes of one run on one machine find one another by: a directory that only its owner may enter, below
/// the temporary directory. It holds the run's secret, whether streams are encrypted, the driver's address and what the
/// executors print. Removed with
/// the object.
class RunDirectory {
 public:
  /// Throws Error(output) when it cannot be made.
  RunDirectory(const std::string& tmp, const rpc::Membership& membership);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::string& path() const { return path_; }
  void publish(const rpc::Address& driver) const;
  std::string log_path(std::uint32_t ticket) const;
  void remove() noexcept;
  /// Where destructors will not run. Any thread.
  static void remove_all_of_this_process() noexcept;

  /// From inside an executor. Throws Error(input).
  static rpc::Membership membership_in(const std::string& path);
  static rpc::Address driver_in(const std::string& path);

 private:
  std::string path_;
};

}  // namespace millrace::cluster
