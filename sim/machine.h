#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "sched/job/events.h"
#include "sim/checks.h"
#include "sim/scenario.h"

namespace millrace::sim {

class World;

/// Where the outputs that a task reads are, as the driver knew when it launched the task.
using Locations = std::vector<std::pair<AttemptId, ExecutorId>>;

/// One executor process: it runs attempts, keeps their outputs, and tells the driver until the driver says that it has
/// heard.
class Machine {
 public:
  Machine(World& world, ExecutorId id, std::uint32_t host);

  ExecutorId id() const noexcept { return id_; }
  std::uint32_t host() const noexcept { return host_; }
  bool alive() const noexcept { return alive_; }
  bool paused() const noexcept;
  bool has(const AttemptId& output) const { return outputs_.contains(output); }

  // What happens to it.
  void boot();
  void die() { alive_ = false; }
  void pause(std::int64_t until) { paused_until_ = until; }
  /// Later, when it stands still now; never, when it is dead.
  void when_running(const std::function<void()>& what);
  /// Something that it keeps is no longer readable. False when it keeps nothing.
  bool lose_something();

  // What the driver says. `life` counts the driver's restarts: what an earlier life sent is not listened to.
  void welcome(std::uint32_t life);
  void launch(std::uint32_t life, const AttemptId& attempt, const Locations& inputs);
  void kill(std::uint32_t life, const AttemptId& attempt);
  void acknowledge(const AttemptId& attempt);
  void told_to_go() { alive_ = false; }

 private:
  struct Attempt {
    Locations inputs;
    bool begun = false;  // else it waits for a slot
    std::int64_t started = 0;
    std::int64_t length = 0;
  };

  void beat();
  void join();
  void begin_next();
  void begin(const AttemptId& id, Attempt& attempt);
  void finish(const AttemptId& attempt);
  void answer(const sched::Event& event, const AttemptId& attempt);
  void send_answer(const AttemptId& attempt);
  sched::Event outcome(const AttemptId& id, const Attempt& attempt);
  bool has_cached(const AttemptId& attempt) const;

  World& world_;
  ExecutorId id_;
  std::uint32_t host_ = 0;
  bool alive_ = true;
  bool joined_ = false;
  std::int64_t paused_until_ = 0;
  std::uint32_t life_ = 0;
  std::map<AttemptId, Attempt> running_;       // those that wait included
  std::deque<AttemptId> waiting_;              // of these; killed ones may still be here
  std::map<AttemptId, sched::Event> answers_;  // that the driver has not acknowledged
  std::set<AttemptId> refused_;                // told to be killed, or launched before
  std::set<AttemptId> outputs_;
  std::set<std::pair<std::uint32_t, PartitionId>> cached_;
};

}  // namespace millrace::sim
