#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cluster/host_script.h"
#include "cluster/launcher.h"
#include "rpc/handshake.h"
#include "rpc/messages.h"
#include "rpc/socket.h"

namespace millrace::cluster {

class SshProcess;

/// How hosts are reached.
struct HostSettings {
  std::vector<std::string> hosts;  ///< a name for each executor, those of one host together
  std::string ssh;                 ///< the command, its words separated by spaces; empty: ssh
  std::string tmp;                 ///< where what the hosts print is kept, in files that nobody else sees
};

/// Executors on other machines, through one ssh a host (host_side.h is its other end). The executable is sent where it
/// is not. Secret and addresses go through ssh's stream, and nowhere else; when it ends, all that it started does.
///
/// A host whose ssh ends is connected again, with longer and longer pauses; one that cannot be reached at all, or
/// refuses, is set aside with a word on standard error, and the others go on.
class HostLauncher final : public Launcher {
 public:
  /// Makes the driver listen where a host sees it, and says at which address it does. Any thread calls it.
  using Listen = std::function<rpc::Address(const std::string& host)>;

  HostLauncher(HostSettings settings, const rpc::Membership& membership, Listen listen);
  ~HostLauncher() override;

  void launch(std::uint32_t ticket) override;
  std::vector<std::pair<std::uint32_t, std::string>> ended() override;
  void kill(std::uint32_t ticket) override;
  void finish(std::chrono::milliseconds patience) override;
  bool replaces() const override { return true; }
  std::string given_up() const override;

 private:
  struct Host;

  void keep_connected(Host& host);
  bool pause_after(Host& host, const std::string& why, bool refused, bool served);
  /// Returns when the stream has ended, or throws Error: of cause usage when trying again is in vain.
  void serve(Host& host, SshProcess& ssh);
  void bring_executable(rpc::Socket& socket);
  void give_seat(Host& host, rpc::Socket& socket, const rpc::HostReady& ready);
  void hear(Host& host, SshProcess& ssh);
  Host& host_of(std::uint32_t ticket);
  template <class Message>
  void tell(Host& host, const Message& message);

  const HostSettings settings_;
  const rpc::Membership membership_;
  const Listen listen_;
  const Executable executable_;
  const std::string script_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Host> hosts_;
  std::vector<std::pair<std::uint32_t, std::string>> ended_;
  std::optional<bool> loopback_;  // do hosts see this machine at an address that only it has?
  bool finishing_ = false;
};

}  // namespace millrace::cluster
