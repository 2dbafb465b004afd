#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "sched/job/options.h"

namespace millrace::sim {

/// Random numbers of one seed.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}
  bool happens(double probability) { return std::bernoulli_distribution(probability)(random_); }
  /// From 0 up to and without `limit`. REQUIRES: limit > 0.
  std::uint32_t below(std::uint32_t limit) {
    return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random_);
  }
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }
  template <class Value>
  Value pick(std::initializer_list<Value> values) {
    return *(values.begin() + below(static_cast<std::uint32_t>(values.size())));
  }

 private:
  std::mt19937_64 random_;
};

/// A stage of the simulated program. A task reads every output of the parents, unless its partition is cached.
struct Stage {
  StageId id;
  std::uint32_t tasks = 1;
  std::vector<StageId> parents;
  std::int64_t task_microseconds = 1'000'000;  ///< on a machine of ordinary speed
  std::uint32_t cache = no_cache;              ///< number of the cached dataset that its tasks read or, else, fill
  bool result = false;                         ///< its outputs go to the job's output, not to other stages

  static constexpr std::uint32_t no_cache = ~std::uint32_t{0};
};

struct Job {
  JobId id;
  std::vector<StageId> stages;  ///< parents before children
  std::int64_t submitted_at = 0;
};

/// What goes wrong, how often. Rates are per virtual second.
struct Faults {
  double kill = 0;               ///< an executor dies
  double pause = 0;              ///< an executor stands still for 1 to 30 s
  double partition = 0;          ///< one host reaches neither the driver nor the other hosts for 1 to 30 s
  double restart_driver = 0;     ///< the driver dies and replays its journal
  double lose_block = 0;         ///< an output of a task is no longer readable
  double drain = 0;              ///< an executor is given back
  double lost_messages = 0;      ///< share of messages that have to be sent again
  double repeated_messages = 0;  ///< share of messages that arrive twice
  double failures = 0;           ///< share of attempts that fail by what they run
  double broken_hosts = 0;       ///< share of hosts on which nine of ten attempts fail
  double full_disks = 0;         ///< share of hosts on which attempts find the disk full
  double slow_hosts = 0;         ///< share of hosts that take five times as long
  double poisoned_tasks = 0;     ///< share of programs of which one task fails wherever it runs
};

/// The whole of a simulated run, made from its seed.
struct Scenario {
  std::uint64_t seed = 0;
  std::uint32_t hosts = 2, racks = 1, executors_a_host = 1, slots = 1;
  std::map<StageId, Stage> stages;
  std::vector<Job> jobs;
  Faults faults;
  sched::Options options;
  bool shadow = false;  ///< a second scheduler, replayed from the journal, has to decide the same from then on
};

Scenario scenario_of(std::uint64_t seed);

}  // namespace millrace::sim
