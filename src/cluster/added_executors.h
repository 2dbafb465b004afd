#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace millrace::cluster {

/// The executors of a run beyond those that it began with: which were asked for, have come, and are given back. Tickets
/// tell them from the others and from one another; none is used twice. Not safe for two threads: its owner locks.
class AddedExecutors {
 public:
  /// `first` is the lowest ticket that no executor of the run's beginning has.
  explicit AddedExecutors(std::uint32_t first) : first_(first), next_(first) {}

  bool is_added(std::uint32_t ticket) const { return ticket >= first_; }
  std::uint32_t outstanding() const { return static_cast<std::uint32_t>(asked_.size()); }

  /// Tickets for executors that are to be asked for.
  std::vector<std::uint32_t> ask(std::uint32_t count);
  /// The tickets that were asked for last, no longer wanted.
  std::vector<std::uint32_t> withdraw(std::uint32_t count);
  /// A ticket for one that nobody has asked for: an earlier driver of the run did.
  std::uint32_t adopted() { return next_++; }
  /// False when nobody waits for this ticket: it was taken back, or is made up.
  bool joined(std::uint32_t ticket) { return asked_.erase(ticket) != 0; }
  /// What had the ticket has ended. One that had not joined will not come.
  void ended(std::uint32_t ticket, const std::string& how);
  std::vector<std::string> take_refusals() { return std::exchange(refusals_, {}); }

 private:
  const std::uint32_t first_;
  std::uint32_t next_;
  std::set<std::uint32_t> asked_;
  std::vector<std::string> refusals_;
};

}  // namespace millrace::cluster
