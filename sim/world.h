#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "sim/checks.h"
#include "sim/driver.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "sim/scenario.h"
#include "sim/timeline.h"

namespace millrace::sim {

/// What came of one seed.
struct Outcome {
  std::string fault;                             ///< the promise that was broken, in one line; empty when all held
  std::map<std::string, std::uint64_t> reached;  ///< how often rare paths were taken
  std::int64_t virtual_microseconds = 0;
  std::uint64_t steps = 0;
  std::string log;  ///< every event and decision, when asked for
};

/// A whole cluster on virtual time, in one thread, from one seed: the real job scheduler, and everything around it made
/// up. Faults stop after a minute; all jobs must then end.
class World {
 public:
  World(const Scenario& scenario, bool keep_log);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Outcome run();

  // For the parts of the world.
  const Scenario& scenario() const noexcept { return scenario_; }
  Timeline& timeline() noexcept { return timeline_; }
  Chance& chance() noexcept { return chance_; }
  Network& network() noexcept { return network_; }
  Checks& checks() noexcept { return checks_; }
  Driver& driver() noexcept { return driver_; }
  Machine* machine(ExecutorId id);
  bool calm() const noexcept { return calm_; }
  void note(const std::string& line);
  bool logs() const noexcept { return keep_log_; }

  bool slow(std::uint32_t host) const { return slow_hosts_.contains(host); }
  bool broken(std::uint32_t host) const { return !calm_ && broken_hosts_.contains(host); }
  bool full(std::uint32_t host) const { return !calm_ && full_hosts_.contains(host); }
  bool poisoned(const AttemptId& attempt) const { return poisoned_ && *poisoned_ == key(attempt); }
  std::uint64_t shadow_from() const noexcept { return shadow_from_; }

 private:
  static constexpr std::int64_t second = 1'000'000;

  void boot(std::uint32_t host);
  void disturb();
  void disturb_machines();
  bool finished() const;

  Scenario scenario_;
  bool keep_log_;
  Chance chance_;
  Timeline timeline_;
  Network network_;
  Checks checks_;
  Driver driver_;
  std::map<ExecutorId, std::unique_ptr<Machine>> machines_;
  std::set<std::uint32_t> slow_hosts_, broken_hosts_, full_hosts_;
  std::optional<TaskKey> poisoned_;
  std::uint64_t shadow_from_ = 0;
  std::uint32_t next_machine_ = 0;
  bool calm_ = false;
  std::string log_;
};

/// Runs the scenario of a seed.
Outcome simulate(std::uint64_t seed, bool keep_log = false);

}  // namespace millrace::sim
