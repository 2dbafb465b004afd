#include "sim/machine.h"

#include <algorithm>
#include <fmt/format.h>

#include "sim/world.h"

namespace millrace::sim {
namespace {

constexpr std::int64_t beat_microseconds = 2'000'000;

}  // namespace

Machine::Machine(World& world, ExecutorId id, std::uint32_t host) : world_(world), id_(id), host_(host) {}

bool Machine::paused() const noexcept { return paused_until_ > world_.timeline().now(); }

void Machine::when_running(const std::function<void()>& what) {
  if (!alive_) return;
  if (!paused()) return what();
  world_.timeline().after(paused_until_ - world_.timeline().now(), [this, what] { when_running(what); });
}

void Machine::boot() { join(); }

void Machine::join() {
  if (joined_) return;
  world_.network().send(host_, Network::driver_host, [this] { world_.driver().joined(id_, host_); });
  world_.timeline().after(beat_microseconds, [this] { when_running([this] { join(); }); });
}

void Machine::welcome(std::uint32_t life) {
  if (!alive_) return;
  const bool news = life > life_;
  life_ = std::max(life_, life);
  if (!joined_) {
    joined_ = true;
    beat();
  } else if (news) {
    beat();
    for (const auto& [attempt, event] : answers_) send_answer(attempt);
  }
}

// How far each attempt is and which are not answered.
void Machine::beat() {
  std::vector<std::pair<AttemptId, std::uint32_t>> progress;
  std::vector<AttemptId> unanswered;
  for (const auto& [id, attempt] : running_) {
    unanswered.push_back(id);
    if (!attempt.begun) continue;
    const std::int64_t ran = world_.timeline().now() - attempt.started;
    progress.emplace_back(
        id, static_cast<std::uint32_t>(std::min<std::int64_t>(ran * 1'000'000 / attempt.length, 999'999)));
  }
  for (const auto& [id, event] : answers_) unanswered.push_back(id);
  world_.network().send(host_, Network::driver_host, [this, life = life_, progress, unanswered] {
    world_.driver().heard(id_, life, progress, unanswered);
  });
  world_.timeline().after(beat_microseconds, [this] { when_running([this] { beat(); }); });
}

void Machine::launch(std::uint32_t life, const AttemptId& id, const Locations& inputs) {
  if (!alive_ || life < life_ || !refused_.insert(id).second) return;
  running_[id].inputs = inputs;
  waiting_.push_back(id);
  begin_next();
}

void Machine::begin_next() {
  auto begun = std::count_if(running_.begin(), running_.end(), [](const auto& each) { return each.second.begun; });
  for (; !waiting_.empty() && begun < world_.scenario().slots; waiting_.pop_front()) {
    const auto next = running_.find(waiting_.front());
    if (next == running_.end()) continue;
    begin(next->first, next->second);
    ++begun;
  }
}

void Machine::begin(const AttemptId& id, Attempt& attempt) {
  const Stage& stage = world_.scenario().stages.at(id.stage);
  attempt.begun = true;
  attempt.started = world_.timeline().now();
  attempt.length = stage.task_microseconds * (world_.slow(host_) ? 5 : 1) * world_.chance().between(80, 140) / 100;
  world_.timeline().after(attempt.length, [this, id] { when_running([this, id] { finish(id); }); });
  if (world_.chance().happens(0.7)) {
    world_.network().send(host_, Network::driver_host, [this, id, at = life_] {
      world_.driver().answered(id_, at, id, sched::TaskStarted{id, id_});
    });
  }
}

void Machine::kill(std::uint32_t life, const AttemptId& id) {
  if (!alive_ || life < life_) return;
  refused_.insert(id);
  running_.erase(id);
  begin_next();
  if (answers_.contains(id)) return send_answer(id);  // it had ended
  sched::TaskFailure failure;
  failure.cause = Cause::lost_node;
  failure.message = "it was told to stop";
  answer(sched::TaskFailed{id, id_, failure, {}}, id);
}

void Machine::finish(const AttemptId& id) {
  if (!alive_ || !running_.contains(id)) return;
  const Attempt attempt = running_.at(id);
  running_.erase(id);
  answer(outcome(id, attempt), id);
  begin_next();
}

bool Machine::has_cached(const AttemptId& id) const {
  return cached_.contains({world_.scenario().stages.at(id.stage).cache, id.partition});
}

sched::Event Machine::outcome(const AttemptId& id, const Attempt& attempt) {
  const Stage& stage = world_.scenario().stages.at(id.stage);
  sched::TaskFailure failure;
  failure.message = "injected";
  if (!has_cached(id)) {
    for (const auto& [output, holder] : attempt.inputs) {
      const Machine* other = world_.machine(holder);
      const bool there = other != nullptr && other->alive() && !other->paused() && other->has(output) &&
                         world_.network().reaches(host_, other->host());
      if (!there) failure.lost.push_back(output);
    }
  }
  Chance& chance = world_.chance();
  const bool fails = !world_.calm() && chance.happens(world_.scenario().faults.failures);
  if (!failure.lost.empty()) {
    failure.cause = Cause::lost_input;
  } else if (world_.poisoned(id) || (world_.broken(host_) && chance.happens(0.9))) {
    failure.cause = Cause::user_code;
  } else if (world_.full(host_)) {
    failure.cause = Cause::out_of_disk;
  } else if (fails) {
    failure.cause = chance.pick({Cause::user_code, Cause::user_code, Cause::out_of_memory, Cause::lost_node});
  } else {
    if (!stage.result) outputs_.insert(id);
    if (stage.cache != Stage::no_cache) cached_.insert({stage.cache, id.partition});
    sched::TaskSucceeded succeeded{id, id_, {}};
    succeeded.metrics.wall_microseconds = attempt.length;
    succeeded.metrics.shuffle_bytes_written = stage.result ? 0 : 1 + chance.below(1000);
    return succeeded;
  }
  return sched::TaskFailed{id, id_, failure, {}};
}

void Machine::answer(const sched::Event& event, const AttemptId& attempt) {
  answers_.insert_or_assign(attempt, event);
  send_answer(attempt);
}

void Machine::send_answer(const AttemptId& attempt) {
  world_.network().send(host_, Network::driver_host, [this, attempt, life = life_, event = answers_.at(attempt)] {
    world_.driver().answered(id_, life, attempt, event);
  });
}

void Machine::acknowledge(const AttemptId& attempt) {
  if (alive_) answers_.erase(attempt);
}

bool Machine::lose_something() {
  if (!cached_.empty() && world_.chance().happens(0.3)) {
    cached_.erase(std::next(cached_.begin(), world_.chance().below(static_cast<std::uint32_t>(cached_.size()))));
    ++world_.checks().reached["cached partition gone"];
    return true;
  }
  if (outputs_.empty()) return false;
  outputs_.erase(std::next(outputs_.begin(), world_.chance().below(static_cast<std::uint32_t>(outputs_.size()))));
  ++world_.checks().reached["block lost"];
  return true;
}

}  // namespace millrace::sim
