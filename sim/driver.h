#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "observe/logged.h"
#include "sched/job/job_scheduler.h"
#include "sim/machine.h"
#include "sim/scenario.h"

namespace millrace::sim {

class World;

/// The driver process around the real job scheduler: it feeds it what machines say, carries out what it decides, and
/// writes a journal. What it forgets when it dies it has from the journal in its next life.
class Driver {
 public:
  explicit Driver(World& world);

  bool alive() const noexcept { return scheduler_ != nullptr; }
  std::uint32_t life() const noexcept { return life_; }
  const sched::JobScheduler& scheduler() const { return *scheduler_; }
  std::size_t journal_size() const noexcept { return journal_.size(); }

  void start();
  /// It dies at the next thing that it does, maybe in the middle of it.
  void crash_soon() noexcept { crash_soon_ = true; }
  void drain(ExecutorId executor);
  void connection_broke(ExecutorId executor);
  void submit(const Job& job);
  void cancel(JobId job);

  // What machines say.
  void joined(ExecutorId id, std::uint32_t host);
  void heard(ExecutorId id, std::uint32_t life, const std::vector<std::pair<AttemptId, std::uint32_t>>& progress,
             const std::vector<AttemptId>& unanswered);
  void answered(ExecutorId id, std::uint32_t life, const AttemptId& attempt, const sched::Event& event);

  /// Ends tasks that drained and makes time pass.
  void tick();

 private:
  void die();
  void restart();
  void step(const sched::Event& event);
  void learn(const sched::Event& event);
  void learn(const sched::Action& action);
  void carry_out(const sched::Action& action);
  void follow_with_shadow(const sched::Event& event, const std::vector<sched::Action>& actions);
  std::unique_ptr<sched::JobScheduler> replayed(std::vector<sched::Action>* rest);
  void say_hello(ExecutorId id);
  sched::Time now() const;

  World& world_;
  std::vector<observe::Logged> journal_;  // survives
  std::uint32_t life_ = 0;                // likewise
  bool crash_soon_ = false;
  bool remembering_ = false;  // what the journal says, all of which has been checked

  // What a life knows.
  std::unique_ptr<sched::JobScheduler> scheduler_, shadow_;
  std::map<ExecutorId, std::uint32_t> hosts_;  // of executors that are not lost
  std::map<ExecutorId, std::int64_t> last_heard_;
  std::set<ExecutorId> unheard_;  // since the restart
  std::set<ExecutorId> draining_;
  std::set<JobId> submitted_;
  std::map<TaskKey, std::pair<AttemptId, ExecutorId>> outputs_;
  std::map<std::pair<std::uint32_t, PartitionId>, std::set<ExecutorId>> cached_;
};

}  // namespace millrace::sim
