#pragma once

#include <cstdint>
#include <string>

namespace millrace::jobs::stream {

/// Is told what attempts do in this process, for messages while a job runs; results and counters do not come from here.
/// Called by the threads that run tasks, several at once.
class AttemptListener {
 public:
  virtual ~AttemptListener() = default;
  virtual void succeeded(bool is_map, std::uint32_t partition) = 0;
  virtual void failed(bool is_map, std::uint32_t partition, std::uint32_t attempt, const std::string& why) = 0;
};

/// The listener of this process; null: nobody listens. It must stay until no job runs.
void set_attempt_listener(AttemptListener* listener);
AttemptListener* attempt_listener();

}  // namespace millrace::jobs::stream
