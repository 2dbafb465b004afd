#include "sim/checks.h"

#include <algorithm>
#include <fmt/format.h>
#include <variant>

namespace millrace::sim {

void Checks::expect(bool holds, const char* what, const AttemptId& attempt) {
  if (!holds) fail(fmt::format("{}: {}.{}#{}", what, attempt.stage, attempt.partition, attempt.number));
}

// What the driver is told.

void Checks::take(const sched::Event& event) {
  succeeded_.reset();
  std::visit([this](const auto& each) { on(each); }, event);
}

void Checks::on(const sched::ExecutorAdded& event) { workers_[event.executor].slots = event.slots; }

void Checks::on(const sched::ExecutorLost& event) {
  workers_.erase(event.executor);
  for (auto flight = flights_.begin(); flight != flights_.end();) {
    if (flight->second.executor == event.executor) {
      ++failures_[key(flight->first)].losses;
      failures_[key(flight->first)].causes.insert(Cause::lost_node);
      flight = flights_.erase(flight);
    } else {
      ++flight;
    }
  }
}

void Checks::on(const sched::ExecutorDraining& event) {
  if (const auto worker = workers_.find(event.executor); worker != workers_.end()) worker->second.draining = true;
}

void Checks::on(const sched::DriverRestarted&) {
  for (auto& [id, worker] : workers_) worker.unheard = true;
}

void Checks::on(const sched::ExecutorReturned& event) {
  const auto worker = workers_.find(event.executor);
  if (worker == workers_.end()) return;
  worker->second.unheard = false;
  const std::set<AttemptId> there(event.running.begin(), event.running.end());
  for (auto flight = flights_.begin(); flight != flights_.end();) {
    const bool gone = flight->second.executor == event.executor && !there.contains(flight->first);
    if (gone) {
      ++failures_[key(flight->first)].losses;
      failures_[key(flight->first)].causes.insert(Cause::lost_node);
      ++reached["attempt was gone when its executor returned"];
    }
    flight = gone ? flights_.erase(flight) : std::next(flight);
  }
  for (const AttemptId& attempt : there) {
    if (flights_.contains(attempt)) {
      ++reached["attempt adopted after a restart"];
    } else {
      flights_[attempt] = {event.executor, false, false};
      ++reached["stray attempt"];
    }
  }
}

void Checks::on(const sched::TaskSucceeded& event) {
  const auto flight = flights_.find(event.attempt);
  if (flight == flights_.end() || flight->second.executor != event.executor) {
    ++reached["late or repeated success refused"];
    return;
  }
  if (!flight->second.killed) succeeded_ = event.attempt;
  if (flight->second.backup && !flight->second.killed) ++reached["backup won"];
  flights_.erase(flight);
}

void Checks::on(const sched::TaskFailed& event) {
  const auto flight = flights_.find(event.attempt);
  if (flight == flights_.end() || flight->second.executor != event.executor) return;
  Failures& failures = failures_[key(event.attempt)];
  const bool loss = event.failure.cause == Cause::lost_node || event.failure.cause == Cause::lost_input;
  ++(loss ? failures.losses : failures.counted);
  if (event.failure.cause == Cause::internal) ++failures.internal;
  failures.causes.insert(event.failure.cause);
  if (event.failure.cause == Cause::lost_input) ++reached["input lost"];
  flights_.erase(flight);
}

// What it decides.

void Checks::take(const sched::Action& action) {
  std::visit(
      [this](const auto& each) {
        if (each.reason.empty()) fail("an action without a reason");
        check(each);
      },
      action);
}

void Checks::check(const sched::LaunchTask& action) {
  const AttemptId& id = action.attempt;
  expect(!ended_.contains(action.job), "launched for a job that is over", id);
  const auto worker = workers_.find(action.executor);
  expect(worker != workers_.end(), "launched on an executor that is lost", id);
  if (worker == workers_.end()) return;
  const Worker& where = worker->second;
  expect(!where.draining && !where.unheard && !where.aside, "launched on an executor that must not be used", id);
  std::uint32_t busy = 0;
  for (const auto& [other, flight] : flights_) {
    if (flight.executor == action.executor) ++busy;
    if (flight.killed || key(other) != key(id)) continue;
    expect(action.backup, "a second attempt that is no backup", id);
    expect(flight.executor != action.executor, "a backup beside its attempt", id);
  }
  expect(busy < where.slots + scenario_.options.queues.most, "more attempts than slots and places to wait", id);
  if (busy >= where.slots) ++reached["waits behind others"];
  expect(launched_.insert(id).second, "an attempt number came twice", id);
  const Stage& stage = scenario_.stages.at(id.stage);
  if (stage.cache == Stage::no_cache) {
    for (const StageId parent : stage.parents) {
      for (std::uint32_t task = 0; task < scenario_.stages.at(parent).tasks; ++task) {
        const TaskKey input{parent, PartitionId{task}};
        expect(there_.contains(input) || reported_.contains(input), "launched before its input was there", id);
      }
    }
  }
  flights_[id] = {action.executor, false, action.backup};
  ++reached[action.backup ? "backup launched" : "launched"];
  if (action.reason.find("on this executor") != std::string::npos) ++reached["launched where its input is"];
}

void Checks::check(const sched::KillTask& action) {
  expect(workers_.contains(action.executor), "killed on an executor that is lost", action.attempt);
  const auto flight = flights_.find(action.attempt);
  expect(flight != flights_.end(), "killed what does not run", action.attempt);
  if (flight == flights_.end()) return;
  expect(!flight->second.killed, "killed twice", action.attempt);
  flight->second.killed = true;
  ++reached["killed"];
  if (action.reason.find("waits behind") != std::string::npos) ++reached["called back"];
}

void Checks::check(const sched::TaskCommitted& action) {
  expect(succeeded_ == action.attempt, "committed what did not succeed", action.attempt);
  expect(workers_.contains(action.executor), "committed from an executor that is lost", action.attempt);
  expect(there_.insert(key(action.attempt)).second, "committed twice", action.attempt);
  reported_.erase(key(action.attempt));
  expect(counted_.insert(key(action.attempt)).second == action.first, "counted twice or never", action.attempt);
  if (!action.first) ++reached["made again"];
}

void Checks::check(const sched::ExecutorSetAside& action) {
  const auto worker = workers_.find(action.executor);
  if (worker == workers_.end()) return fail("an executor that is lost was set aside");
  worker->second.aside = action.until;
  ++reached["set aside"];
}

void Checks::check(const sched::ExecutorReadmitted& action) {
  const auto worker = workers_.find(action.executor);
  if (worker == workers_.end() || !worker->second.aside) return fail("an executor was readmitted that was not aside");
  worker->second.aside.reset();
  ++reached["readmitted"];
}

void Checks::check(const sched::JobSucceeded& action) {
  const StageId result = job(action.job).stages.back();
  for (std::uint32_t task = 0; task < scenario_.stages.at(result).tasks; ++task) {
    expect(counted_.contains({result, PartitionId{task}}), "a job succeeded without a task", {result, {task}, 0});
  }
  end(action.job);
  ++reached["job succeeded"];
}

void Checks::check(const sched::JobFailed& action) {
  if (!explained(action)) fail(fmt::format("no fault explains why job {} failed: {}", action.job, action.reason));
  end(action.job);
  ++reached["job failed"];
}

void Checks::end(JobId id) {
  if (!ended_.insert(id).second) fail(fmt::format("job {} ended twice", id));
}

bool Checks::explained(const sched::JobFailed& action) const {
  if (cancelled_.contains(action.job)) return true;
  const auto& stages = job(action.job).stages;
  return std::any_of(failures_.begin(), failures_.end(), [&](const auto& each) {
    const auto& [task, failures] = each;
    if (std::find(stages.begin(), stages.end(), task.first) == stages.end()) return false;
    if (!failures.causes.contains(action.cause)) return false;
    if (action.cause == Cause::out_of_disk) return true;
    const auto& retry = scenario_.options.retry;
    if (action.cause == Cause::lost_node || action.cause == Cause::lost_input)
      return failures.losses >= retry.max_losses;
    return failures.counted >= retry.max_attempts || failures.internal >= 2;
  });
}

void Checks::settled(const sched::JobScheduler& scheduler) {
  if (scheduler.running_attempts() != flights_.size()) {
    fail(fmt::format("{} attempts are not answered, the scheduler has {}", flights_.size(),
                     scheduler.running_attempts()));
  }
  const auto backups =
      std::count_if(flights_.begin(), flights_.end(), [](const auto& each) { return each.second.backup; });
  if (scheduler.running_backups() > static_cast<std::size_t>(backups)) fail("backups are counted that do not run");
}

}  // namespace millrace::sim
