#include "sim/scenario.h"

namespace millrace::sim {
namespace {

// Stages that jobs share, then for each job a result stage of its own.
void make_program(Scenario& scenario, Chance& chance) {
  const std::uint32_t shared = 1 + chance.below(4);
  const std::uint32_t jobs = 1 + chance.below(3);
  const bool cached = chance.happens(0.5);
  for (std::uint32_t id = 0; id < shared; ++id) {
    Stage stage;
    stage.id = StageId{id};
    stage.tasks = chance.happens(0.05) ? 0 : 1 + chance.below(8);
    stage.task_microseconds = chance.between(100'000, 4'000'000);
    for (std::uint32_t parent = 0; parent < id; ++parent) {
      if (chance.happens(0.5)) stage.parents.push_back(StageId{parent});
    }
    scenario.stages[stage.id] = stage;
  }
  const std::uint32_t width = 1 + chance.below(8);
  const std::uint32_t read = chance.below(shared);
  for (std::uint32_t number = 0; number < jobs; ++number) {
    Stage result;
    result.id = StageId{shared + number};
    result.result = true;
    result.tasks = cached ? width : 1 + chance.below(8);
    result.parents.push_back(StageId{cached ? read : chance.below(shared)});
    result.task_microseconds = chance.between(100'000, 4'000'000);
    if (cached) result.cache = 0;
    scenario.stages[result.id] = result;

    std::set<StageId> members{result.id};
    for (auto member = members.rbegin(); member != members.rend(); ++member) {
      const auto& parents = scenario.stages[*member].parents;
      members.insert(parents.begin(), parents.end());
    }
    Job job;
    job.id = JobId{number};
    job.stages.assign(members.begin(), members.end());
    job.submitted_at = number == 0 ? 0 : chance.between(0, 30'000'000);
    scenario.jobs.push_back(job);
  }
}

Faults make_faults(Chance& chance) {
  Faults faults;
  if (chance.happens(0.1)) return faults;
  faults.kill = chance.pick({0.0, 0.02, 0.1});
  faults.pause = chance.pick({0.0, 0.02, 0.05});
  faults.partition = chance.pick({0.0, 0.02, 0.05});
  faults.restart_driver = chance.pick({0.0, 0.02, 0.1});
  faults.lose_block = chance.pick({0.0, 0.1});
  faults.drain = chance.pick({0.0, 0.02});
  faults.lost_messages = chance.pick({0.0, 0.05, 0.2});
  faults.repeated_messages = chance.pick({0.0, 0.1});
  faults.failures = chance.pick({0.0, 0.05, 0.2});
  faults.broken_hosts = chance.pick({0.0, 0.0, 0.3});
  faults.full_disks = chance.pick({0.0, 0.0, 0.3});
  faults.slow_hosts = chance.pick({0.0, 0.3});
  faults.poisoned_tasks = chance.pick({0.0, 0.0, 0.3});
  return faults;
}

}  // namespace

Scenario scenario_of(std::uint64_t seed) {
  Chance chance(seed * 2 + 1);
  Scenario scenario;
  scenario.seed = seed;
  scenario.hosts = 1 + chance.below(5);
  scenario.racks = chance.pick({0u, 1u, 2u});
  scenario.executors_a_host = 1 + chance.below(2);
  scenario.slots = 1 + chance.below(3);
  make_program(scenario, chance);
  scenario.faults = make_faults(chance);
  scenario.shadow = chance.happens(0.25);
  scenario.options.outputs_die_with_executor = true;
  scenario.options.sharing = chance.pick({sched::Sharing::fifo, sched::Sharing::fair});
  scenario.options.backups.on = !scenario.shadow;
  scenario.options.health.first_microseconds = 10'000'000;
  // Tasks here take seconds, not microseconds.
  scenario.options.queues.most = chance.pick({0u, 0u, 6u});
  scenario.options.queues.short_microseconds = 4'000'000;
  scenario.options.queues.long_microseconds = 6'000'000;
  scenario.options.queues.queue_microseconds = 20'000'000;
  scenario.options.queues.recall_microseconds = 5'000'000;
  return scenario;
}

}  // namespace millrace::sim
