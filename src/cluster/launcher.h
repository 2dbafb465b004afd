#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "rpc/socket.h"

namespace millrace::cluster {

/// Starts and ends executor processes. One thread at a time.
class Launcher {
 public:
  virtual ~Launcher() = default;
  /// Starts the executor that will join with this ticket. Throws Error(lost_node).
  virtual void launch(std::uint32_t ticket) = 0;
  /// The executors that have ended since it was asked last, and how: "was killed by signal 9".
  virtual std::vector<std::pair<std::uint32_t, std::string>> ended() = 0;
  /// Makes sure that it is gone. It is not an error when it is already.
  virtual void kill(std::uint32_t ticket) = 0;
  /// From here on the ticket's executor is a process (pidfd_open(2)) that an earlier driver has started: it is
  /// ended, and its end is told, as if it had been launched.
  virtual void adopt(std::uint32_t, rpc::Descriptor) {}
  /// Waits until all have ended, and kills those that have not after `patience`.
  virtual void finish(std::chrono::milliseconds patience) = 0;
  /// May executors that were lost be replaced by launch()?
  virtual bool replaces() const = 0;
  /// Why none of those that were launched will ever join; empty as long as one may.
  virtual std::string given_up() const { return {}; }
  /// Asks for executors beyond those that the run began with. Does not wait for them: those that cannot be had are
  /// among ended(), and those that nobody grants yet stay asked for.
  virtual void ask(const std::vector<std::uint32_t>& tickets) {
    for (const std::uint32_t ticket : tickets) launch(ticket);
  }
  /// One that was asked for and has not joined is not wanted any more. It is not among ended() afterwards.
  virtual void withdraw(std::uint32_t ticket) { kill(ticket); }
  /// What the executor printed last, if that is known, as one line.
  virtual std::string last_words(std::uint32_t) { return {}; }
};

}  // namespace millrace::cluster
