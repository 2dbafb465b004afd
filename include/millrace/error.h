#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace millrace {

/// Why something failed. The scheduler reacts to the cause; the user reads which it was.
/// See ARCHITECTURE.md, "What failure means".
enum class Cause : std::uint8_t {
  user_code,      ///< a function of the job threw, or a command of the job exited non-zero: retried, then the job fails
  bad_data,       ///< a record or a file does not have the form it should: retried only when skipping is allowed
  lost_input,     ///< a shuffle block or a cached partition is gone or corrupt: its producer runs again
  lost_node,      ///< an executor or a machine is gone: its tasks run elsewhere
  out_of_memory,  ///< the memory budget cannot hold what must be held at once
  out_of_disk,    ///< no space, quota, read-only: the job fails
  input,          ///< an input is missing or unreadable: the job fails before any work where that can be known
  output,         ///< the output exists or cannot be written: the job fails
  usage,          ///< the call or the command line is wrong
  internal,       ///< a defect of Millrace itself
};

/// The cause's name as reports and event logs print it: "user_code", "bad_data", …
const char* name(Cause cause) noexcept;
/// The inverse of name(). Returns Cause::internal for a name that is none.
Cause cause_from_name(const char* text) noexcept;

/// What every failure of Millrace is thrown as at the public boundary. what() is one line that says what happened,
/// where (file, byte, function) and what to do about it.
class Error : public std::runtime_error {
 public:
  Error(Cause cause, const std::string& message) : std::runtime_error(message), cause_(cause) {}
  Cause cause() const noexcept { return cause_; }

 private:
  Cause cause_;
};

}  // namespace millrace
