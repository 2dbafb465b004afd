#pragma once

#include <cstdint>

namespace millrace::sched {

/// How near to its input a task runs.
enum class Locality : std::uint8_t {
  executor,  ///< in the process that holds it
  host,      ///< on the machine that holds it
  rack,      ///< in the rack of that machine
  any,
};

/// How long the tasks of a stage wait for a free slot at each distance before they take one further away. The wait
/// starts again whenever one of them is launched so near (delay scheduling: Zaharia et al., EuroSys 2010).
struct LocalityWaits {
  std::int64_t executor_microseconds = 1'000'000;
  std::int64_t host_microseconds = 1'000'000;
  std::int64_t rack_microseconds = 500'000;
};

}  // namespace millrace::sched
