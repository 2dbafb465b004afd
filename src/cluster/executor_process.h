#pragma once

#include <functional>
#include <optional>
#include <string>

#include "rpc/handshake.h"
#include "rpc/socket.h"

namespace millrace::cluster {

/// The place of an executor process in its run.
struct Seat {
  rpc::Address driver;
  rpc::Membership membership;
  std::uint32_t ticket = 0;
  std::string host;                      ///< identity of this machine
  std::string rack;                      ///< empty: not known
  bool remote = false;                   ///< on a machine that ssh reached: its files may be others than the driver's
  std::function<bool()> run_is_over;     ///< null: nobody can say
  std::function<void()> driver_is_lost;  ///< what is then to be done; null: nothing
};

/// The seat that whoever started this process gave it; nothing when it is a driver. Throws Error(input) when the run
/// that it belongs to is over.
std::optional<Seat> seat_of_this_process();

/// Runs tasks for the driver until it says that the run is over, or nothing more is heard of it; then ends the process.
[[noreturn]] void run_executor(const Seat& seat);

}  // namespace millrace::cluster
