#include "sim/driver.h"

#include <algorithm>
#include <fmt/format.h>
#include <variant>

#include "cluster/journal.h"
#include "observe/event_encoder.h"
#include "observe/event_log.h"
#include "sim/world.h"

namespace millrace::sim {
namespace {

constexpr std::int64_t silence_microseconds = 10'000'000;  // after which an executor is taken for lost
constexpr std::int64_t tick_microseconds = 500'000;

std::string line(const observe::Logged& record) {
  std::string text;
  observe::append_event(text, record);
  return text;
}

bool is_passing(const sched::Event& event) {
  return std::holds_alternative<sched::Tick>(event) || std::holds_alternative<sched::TaskProgress>(event);
}

}  // namespace

Driver::Driver(World& world) : world_(world) {}

sched::Time Driver::now() const { return {world_.timeline().now()}; }

void Driver::start() {
  scheduler_ = std::make_unique<sched::JobScheduler>(world_.scenario().options);
  world_.timeline().after(tick_microseconds, [this, life = life_] {
    if (life == life_) tick();
  });
}

// Its journal.

std::unique_ptr<sched::JobScheduler> Driver::replayed(std::vector<sched::Action>* rest) {
  std::string text = observe::event_log_header();
  for (const observe::Logged& record : journal_) observe::append_event(text, record);
  observe::EventLogReader reader("journal", text);
  auto scheduler = std::make_unique<sched::JobScheduler>(world_.scenario().options);
  sched::Replay replay(*scheduler);
  for (observe::Logged record; reader.next(record);) cluster::replay(record, replay);
  if (rest != nullptr) *rest = replay.rest();
  return scheduler;
}

void Driver::die() {
  crash_soon_ = false;
  scheduler_.reset();
  shadow_.reset();
  hosts_.clear();
  last_heard_.clear();
  unheard_.clear();
  draining_.clear();
  submitted_.clear();
  outputs_.clear();
  cached_.clear();
  ++life_;
  world_.note("the driver dies");
  ++world_.checks().reached["driver restarted"];
  world_.timeline().after(world_.chance().between(200'000, 5'000'000), [this] { restart(); });
}

void Driver::restart() {
  std::vector<sched::Action> rest;
  scheduler_ = replayed(&rest);
  const auto known = [this](const auto& value) {
    using Value = std::remove_cvref_t<decltype(value)>;
    if constexpr (cluster::internal::IsOneOf<Value, sched::Event>::value) learn(sched::Event(value));
    if constexpr (cluster::internal::IsOneOf<Value, sched::Action>::value) learn(sched::Action(value));
  };
  remembering_ = true;
  for (const observe::Logged& record : journal_) std::visit(known, record.value);
  remembering_ = false;
  if (!rest.empty()) ++world_.checks().reached["journal ended inside a step"];
  // What was decided and not written down is carried out now, but for launches: no executor has heard of them.
  for (const sched::Action& action : rest) {
    journal_.push_back(observe::logged(now(), action));
    learn(action);
    if (!std::holds_alternative<sched::LaunchTask>(action)) carry_out(action);
  }
  for (const auto& [id, host] : hosts_) {
    unheard_.insert(id);
    last_heard_[id] = world_.timeline().now();
  }
  step(sched::DriverRestarted{});
  if (!alive()) return;
  for (const auto& [id, host] : hosts_) say_hello(id);
  world_.timeline().after(tick_microseconds, [this, life = life_] {
    if (life == life_) tick();
  });
  // The program runs again from its beginning, and submits what it had submitted.
  for (const Job& job : world_.scenario().jobs) {
    if (job.submitted_at <= world_.timeline().now()) submit(job);
  }
}

// What it knows of the world, by what happened and by what it decided.

void Driver::learn(const sched::Event& event) {
  if (const auto* added = std::get_if<sched::ExecutorAdded>(&event)) {
    hosts_[added->executor] = static_cast<std::uint32_t>(std::stoul(added->host));
    last_heard_[added->executor] = world_.timeline().now();
  } else if (const auto* lost = std::get_if<sched::ExecutorLost>(&event)) {
    hosts_.erase(lost->executor);
    unheard_.erase(lost->executor);
    draining_.erase(lost->executor);
    for (auto output = outputs_.begin(); output != outputs_.end();) {
      const bool gone =
          output->second.second == lost->executor && !world_.scenario().stages.at(output->first.first).result;
      if (gone && !remembering_) world_.checks().lost(output->first);
      output = gone ? outputs_.erase(output) : std::next(output);
    }
    for (auto& [partition, holders] : cached_) holders.erase(lost->executor);
  } else if (const auto* draining = std::get_if<sched::ExecutorDraining>(&event)) {
    draining_.insert(draining->executor);
  } else if (const auto* returned = std::get_if<sched::ExecutorReturned>(&event)) {
    unheard_.erase(returned->executor);
  } else if (const auto* submitted = std::get_if<sched::JobSubmitted>(&event)) {
    submitted_.insert(submitted->job.id);
  } else if (const auto* failed = std::get_if<sched::TaskFailed>(&event)) {
    for (const AttemptId& output : failed->failure.lost) {
      const auto found = outputs_.find(key(output));
      if (found == outputs_.end() || found->second.first.number != output.number) continue;
      if (!remembering_) world_.checks().reported_lost(key(output));
      outputs_.erase(found);
    }
  }
}

void Driver::learn(const sched::Action& action) {
  const auto* committed = std::get_if<sched::TaskCommitted>(&action);
  if (committed == nullptr) return;
  outputs_[key(committed->attempt)] = {committed->attempt, committed->executor};
  const Stage& stage = world_.scenario().stages.at(committed->attempt.stage);
  if (stage.cache != Stage::no_cache) cached_[{stage.cache, committed->attempt.partition}].insert(committed->executor);
}

// One step.

void Driver::step(const sched::Event& event) {
  Checks& checks = world_.checks();
  observe::Logged record = observe::logged(now(), event);
  if (world_.logs()) world_.note(line(record));
  std::vector<sched::Action> actions;
  checks.take(event);
  scheduler_->step(event, now(), actions);
  for (const sched::Action& action : actions) {
    if (world_.logs()) world_.note("  " + line(observe::logged(now(), action)));
    checks.take(action);
  }
  checks.settled(*scheduler_);
  follow_with_shadow(event, actions);

  if (!is_passing(event) || (std::holds_alternative<sched::Tick>(event) && !actions.empty())) {
    journal_.push_back(std::move(record));
  }
  // What is decided is in the journal before it is carried out; the driver may die while it writes.
  // (Backups are not decided again by a replay, so that it has them all or none of a step's.)
  const bool dies = crash_soon_;
  const bool ticked = std::holds_alternative<sched::Tick>(event);
  const bool cut = dies && !ticked;
  const std::size_t written =
      cut ? world_.chance().below(static_cast<std::uint32_t>(actions.size()) + 1) : actions.size();
  for (std::size_t i = 0; i < written; ++i) journal_.push_back(observe::logged(now(), actions[i]));
  learn(event);
  for (const sched::Action& action : actions) learn(action);
  if (dies) return die();
  for (const sched::Action& action : actions) carry_out(action);
}

void Driver::follow_with_shadow(const sched::Event& event, const std::vector<sched::Action>& actions) {
  if (!world_.scenario().shadow) return;
  if (!shadow_) {
    if (journal_.size() >= world_.shadow_from()) shadow_ = replayed(nullptr);
    // The journal has the steps before this one alone.
    if (!shadow_) return;
    ++world_.checks().reached["shadow"];
  }
  std::vector<sched::Action> others;
  shadow_->step(event, now(), others);
  std::string mine, its;
  for (const sched::Action& action : actions) mine += line(observe::logged(now(), action));
  for (const sched::Action& action : others) its += line(observe::logged(now(), action));
  if (mine != its)
    world_.checks().fail(fmt::format("after a replay it is decided otherwise: {} and not {}", its, mine));
}

void Driver::carry_out(const sched::Action& action) {
  if (const auto* launched = std::get_if<sched::LaunchTask>(&action)) {
    Locations inputs;
    for (const StageId parent : world_.scenario().stages.at(launched->attempt.stage).parents) {
      for (std::uint32_t task = 0; task < world_.scenario().stages.at(parent).tasks; ++task) {
        const auto found = outputs_.find({parent, PartitionId{task}});
        const AttemptId missing{parent, PartitionId{task}, ~std::uint32_t{0}};
        inputs.push_back(found == outputs_.end() ? std::pair(missing, sched::no_executor) : found->second);
      }
    }
    Machine* machine = world_.machine(launched->executor);
    const AttemptId id = launched->attempt;
    world_.network().send(Network::driver_host, machine->host(), [machine, id, inputs, life = life_] {
      machine->when_running([machine, id, inputs, life] { machine->launch(life, id, inputs); });
    });
  } else if (const auto* killed = std::get_if<sched::KillTask>(&action)) {
    Machine* machine = world_.machine(killed->executor);
    world_.network().send(Network::driver_host, machine->host(), [machine, id = killed->attempt, life = life_] {
      machine->when_running([machine, id, life] { machine->kill(life, id); });
    });
  }
}

// Jobs.

void Driver::submit(const Job& job) {
  if (!alive() || !submitted_.insert(job.id).second) return;
  sched::JobSpec spec{job.id, fmt::format("job {}", job.id), {}};
  for (const StageId id : job.stages) {
    const Stage& stage = world_.scenario().stages.at(id);
    sched::StageSpec each;
    each.id = id;
    each.name = fmt::format("stage {}", id);
    each.tasks = stage.tasks;
    each.parents = stage.parents;
    for (std::uint32_t task = 0; task < stage.tasks; ++task) {
      const auto output = outputs_.find({id, PartitionId{task}});
      each.done.push_back(output != outputs_.end());
      each.holders.push_back(output == outputs_.end() ? sched::no_executor : output->second.second);
      if (stage.cache == Stage::no_cache) continue;
      sched::TaskPlace place;
      const auto& holders = cached_[{stage.cache, PartitionId{task}}];
      place.executors.assign(holders.begin(), holders.end());
      place.cached = !holders.empty();
      each.places.push_back(std::move(place));
    }
    spec.stages.push_back(std::move(each));
  }
  step(sched::JobSubmitted{std::move(spec)});
}

void Driver::cancel(JobId job) {
  if (alive() && scheduler_->live(job)) {
    world_.checks().cancelled(job);
    step(sched::JobCancelled{job, "by chance"});
  }
}

// Executors.

void Driver::say_hello(ExecutorId id) {
  Machine* machine = world_.machine(id);
  world_.network().send(Network::driver_host, machine->host(), [machine, life = life_] {
    machine->when_running([machine, life] { machine->welcome(life); });
  });
}

void Driver::joined(ExecutorId id, std::uint32_t host) {
  if (!alive() || !world_.machine(id)->alive()) return;
  if (!hosts_.contains(id)) {
    const bool was_here = std::any_of(journal_.begin(), journal_.end(), [&](const observe::Logged& record) {
      const auto* lost = std::get_if<sched::ExecutorLost>(&record.value);
      return lost != nullptr && lost->executor == id;
    });
    if (was_here) return world_.machine(id)->told_to_go();
    const Scenario& scenario = world_.scenario();
    step(sched::ExecutorAdded{id, scenario.slots, std::to_string(host),
                              scenario.racks == 0 ? "" : fmt::format("rack {}", host % scenario.racks)});
    if (!alive()) return;
  }
  say_hello(id);
}

void Driver::heard(ExecutorId id, std::uint32_t life, const std::vector<std::pair<AttemptId, std::uint32_t>>& progress,
                   const std::vector<AttemptId>& unanswered) {
  if (!alive()) return;
  if (!hosts_.contains(id)) {
    ++world_.checks().reached["zombie heard"];
    return world_.machine(id)->told_to_go();
  }
  if (life < life_) return say_hello(id);
  last_heard_[id] = world_.timeline().now();
  if (unheard_.contains(id)) {
    step(sched::ExecutorReturned{id, unanswered});
    if (!alive()) return;
  }
  for (const auto& [attempt, millionths] : progress) {
    step(sched::TaskProgress{attempt, id, millionths});
    if (!alive()) return;
  }
}

void Driver::answered(ExecutorId id, std::uint32_t, const AttemptId& attempt, const sched::Event& event) {
  if (!alive()) return;
  if (!hosts_.contains(id)) {
    ++world_.checks().reached["zombie's answer"];
    step(event);
    return world_.machine(id)->told_to_go();
  }
  step(event);
  if (!alive() || std::holds_alternative<sched::TaskStarted>(event)) return;
  Machine* machine = world_.machine(id);
  world_.network().send(Network::driver_host, machine->host(), [machine, attempt] {
    machine->when_running([machine, attempt] { machine->acknowledge(attempt); });
  });
}

void Driver::drain(ExecutorId id) {
  if (alive() && hosts_.contains(id) && !draining_.contains(id)) {
    ++world_.checks().reached["drained"];
    step(sched::ExecutorDraining{id, "fewer are needed"});
  }
}

void Driver::connection_broke(ExecutorId id) {
  if (alive() && hosts_.contains(id)) step(sched::ExecutorLost{id, "its connection broke"});
}

void Driver::tick() {
  world_.timeline().after(tick_microseconds, [this, life = life_] {
    if (life == life_) tick();
  });
  if (!alive()) return;
  const auto hosts = hosts_;
  for (const auto& [id, host] : hosts) {
    const bool silent = world_.timeline().now() - last_heard_[id] > silence_microseconds;
    const bool drained = draining_.contains(id) && scheduler_->running_attempts(id) == 0;
    if (!silent && !drained) continue;
    step(sched::ExecutorLost{id, silent ? "nothing was heard of it for 10 s" : "it was given back"});
    if (!alive()) return;
    if (drained) world_.machine(id)->told_to_go();
  }
  step(sched::Tick{});
}

}  // namespace millrace::sim
