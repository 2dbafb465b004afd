#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/ids.h"
#include "rpc/handshake.h"
#include "rpc/socket.h"

namespace millrace::cluster {

/// Which driver of a run lives, and where executors find it.
struct DriverNotice {
  std::uint32_t life = 0;  ///< of the run: 0, and one more each time that a driver goes on with it
  bool tls = false;
  rpc::Address address;
};

/// How executors that outlive their driver and the next driver of the run find each other, in the journal's directory:
///
///   secret            of the run, for its owner alone (0600): the same for all of its drivers
///   driver            the notice of the driver that lives, or lived last
///   executors/ID      locked (fcntl(2)) by executor ID as long as its process lives; says on which machine that is
///
/// A notice is only a hint: whoever follows it has the other side prove that it knows the secret.
class Succession {
 public:
  explicit Succession(std::string directory) : directory_(std::move(directory)) {}

  /// Made by the first driver. Throws Error(usage) when others than its owner could know it, or have made it.
  rpc::Secret secret() const;
  void announce(const DriverNotice& notice) const;
  /// Nothing when there is none, or it is half there.
  std::optional<DriverNotice> announced() const;
  /// The run is not over, as far as can be seen.
  bool there() const;

  /// In the executor, until its process ends; once. It is not known to later drivers where that fails.
  void enter(ExecutorId executor) const;
  void leave(ExecutorId executor) const;

  struct Survivor {
    rpc::Descriptor process;  ///< pidfd_open(2); none when it is on another machine, or cannot be seen here
  };
  /// The executors of earlier drivers that live. What is there of others goes.
  std::map<ExecutorId, Survivor> survivors() const;
  bool lives(ExecutorId executor) const;

 private:
  std::string place_of(ExecutorId executor) const;

  std::string directory_;
};

}  // namespace millrace::cluster
