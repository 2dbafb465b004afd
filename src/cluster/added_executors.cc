#include "cluster/added_executors.h"

#include <iterator>

namespace millrace::cluster {

std::vector<std::uint32_t> AddedExecutors::ask(std::uint32_t count) {
  std::vector<std::uint32_t> tickets;
  for (std::uint32_t i = 0; i < count; ++i) {
    asked_.insert(next_);
    tickets.push_back(next_++);
  }
  return tickets;
}

std::vector<std::uint32_t> AddedExecutors::withdraw(std::uint32_t count) {
  std::vector<std::uint32_t> tickets;
  for (; count > 0 && !asked_.empty(); --count) {
    const auto last = std::prev(asked_.end());
    tickets.push_back(*last);
    asked_.erase(last);
  }
  return tickets;
}

void AddedExecutors::ended(std::uint32_t ticket, const std::string& how) {
  if (asked_.erase(ticket) != 0) refusals_.push_back(how);
}

}  // namespace millrace::cluster
