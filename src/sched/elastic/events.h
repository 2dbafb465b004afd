#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "sched/job/events.h"

// What is decided about the number of executors, and what the host of these decisions reports of it. Plain values, kept
// in the event log as the scheduler's are. `reason` says why, in words for the user.

namespace millrace::sched {

/// More executors are asked of whoever starts them.
struct ExecutorsAsked {
  std::uint32_t count = 0;
  std::string reason;
};
/// Requests that have not been granted yet are taken back.
struct RequestsWithdrawn {
  std::uint32_t count = 0;
  std::string reason;
};
/// Requests will not be granted: whoever starts executors said no, or what was started ended before it joined.
struct RequestsRefused {
  std::uint32_t count = 0;
  std::string reason;
};

/// An ExecutorDraining gives an executor back: nothing runs on it, and nothing will.
using ElasticAction = std::variant<ExecutorsAsked, RequestsWithdrawn, ExecutorDraining>;

}  // namespace millrace::sched
