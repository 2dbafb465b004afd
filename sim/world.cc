#include "sim/world.h"

#include <fmt/format.h>
#include <vector>

namespace millrace::sim {
namespace {

constexpr std::int64_t faults_end = 60'000'000;
constexpr std::int64_t jobs_end = 1'800'000'000;
constexpr std::size_t most_planned = 20'000;
constexpr std::size_t most_records = 200'000;

}  // namespace

World::World(const Scenario& scenario, bool keep_log)
    : scenario_(scenario),
      keep_log_(keep_log),
      chance_(scenario.seed * 2),
      network_(timeline_, chance_, scenario_.faults),
      checks_(scenario_),
      driver_(*this) {
  for (std::uint32_t host = 0; host < scenario_.hosts; ++host) {
    if (chance_.happens(scenario_.faults.slow_hosts)) slow_hosts_.insert(host);
    if (chance_.happens(scenario_.faults.broken_hosts)) broken_hosts_.insert(host);
    if (chance_.happens(scenario_.faults.full_disks)) full_hosts_.insert(host);
  }
  if (chance_.happens(scenario_.faults.poisoned_tasks)) {
    const auto stage =
        std::next(scenario_.stages.begin(), chance_.below(static_cast<std::uint32_t>(scenario_.stages.size())));
    if (stage->second.tasks > 0) poisoned_ = {stage->first, PartitionId{chance_.below(stage->second.tasks)}};
  }
  shadow_from_ = chance_.below(200);
}

Machine* World::machine(ExecutorId id) {
  const auto found = machines_.find(id);
  return found == machines_.end() ? nullptr : found->second.get();
}

void World::note(const std::string& line) {
  if (!keep_log_) return;
  log_ += line;
  if (line.empty() || line.back() != '\n') log_ += '\n';
}

void World::boot(std::uint32_t host) {
  const ExecutorId id{next_machine_++};
  machines_[id] = std::make_unique<Machine>(*this, id, host);
  machines_[id]->boot();
}

void World::disturb_machines() {
  const Faults& faults = scenario_.faults;
  for (const auto& [id, each] : machines_) {
    if (!each->alive()) continue;
    if (chance_.happens(faults.kill)) {
      each->die();
      note(fmt::format("executor {} dies", id));
      ++checks_.reached["executor killed"];
      if (chance_.happens(0.5))
        timeline_.after(chance_.between(10'000, second), [this, gone = id] { driver_.connection_broke(gone); });
    } else if (chance_.happens(faults.pause)) {
      each->pause(timeline_.now() + chance_.between(second, 30 * second));
      note(fmt::format("executor {} stands still", id));
      ++checks_.reached["executor paused"];
    } else if (chance_.happens(faults.lose_block)) {
      each->lose_something();
    } else if (chance_.happens(faults.drain)) {
      driver_.drain(id);
    }
  }
}

// Once a second.
void World::disturb() {
  calm_ = timeline_.now() >= faults_end;
  if (calm_) {
    network_.calm();
  } else {
    disturb_machines();
    for (std::uint32_t host = 0; host < scenario_.hosts; ++host) {
      if (!chance_.happens(scenario_.faults.partition)) continue;
      network_.cut_off(host, timeline_.now() + chance_.between(second, 30 * second));
      note(fmt::format("host {} is cut off", host));
      ++checks_.reached["host cut off"];
    }
    if (driver_.alive() && chance_.happens(scenario_.faults.restart_driver)) driver_.crash_soon();
    if (chance_.happens(0.002)) driver_.cancel(JobId{chance_.below(static_cast<std::uint32_t>(scenario_.jobs.size()))});
  }
  // Whoever keeps the machines up starts new processes where some have died.
  std::map<std::uint32_t, std::uint32_t> alive;
  for (const auto& [id, each] : machines_) alive[each->host()] += each->alive() ? 1 : 0;
  for (std::uint32_t host = 0; host < scenario_.hosts; ++host) {
    if (alive[host] < scenario_.executors_a_host && chance_.happens(calm_ ? 1 : 0.2)) boot(host);
  }
  timeline_.after(second, [this] { disturb(); });
}

bool World::finished() const { return checks_.ended().size() == scenario_.jobs.size(); }

Outcome World::run() {
  driver_.start();
  for (std::uint32_t host = 0; host < scenario_.hosts; ++host) {
    for (std::uint32_t i = 0; i < scenario_.executors_a_host; ++i) boot(host);
  }
  for (const Job& job : scenario_.jobs) timeline_.after(job.submitted_at, [this, job] { driver_.submit(job); });
  timeline_.after(second, [this] { disturb(); });

  Outcome outcome;
  // A little longer than the last job: what was killed is to be answered, too.
  std::int64_t end = jobs_end;
  while (checks_.fault().empty() && timeline_.now() < end && timeline_.step()) {
    ++outcome.steps;
    if (finished() && end == jobs_end && driver_.alive()) end = timeline_.now() + 100 * second;
    if (timeline_.size() > most_planned) checks_.fail("a queue grows without bound");
    if (driver_.journal_size() > most_records) checks_.fail("the journal grows without bound");
  }
  if (checks_.fault().empty() && !finished()) checks_.fail("a job never ended: a task was forgotten");
  if (checks_.fault().empty() && driver_.alive() && driver_.scheduler().running_attempts() != 0) {
    checks_.fail("an attempt is never answered");
  }
  if (!checks_.fault().empty()) outcome.fault = fmt::format("seed {}: {}", scenario_.seed, checks_.fault());
  outcome.reached = checks_.reached;
  for (const auto& [what, count] : network_.reached) outcome.reached[what] += count;
  outcome.virtual_microseconds = timeline_.now();
  outcome.log = std::move(log_);
  return outcome;
}

Outcome simulate(std::uint64_t seed, bool keep_log) { return World(scenario_of(seed), keep_log).run(); }

}  // namespace millrace::sim
