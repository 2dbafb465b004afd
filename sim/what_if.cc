#include "sim/what_if.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <malloc.h>
#include <queue>
#include <random>
#include <tuple>
#include <vector>

#include "sched/job/job_scheduler.h"

namespace millrace::sim {
namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t tick_length = second / 2;
constexpr double slowness = 5;

std::size_t allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// Of this thread: others may want the processor, too.
double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// What is seen of a reading in the difference of two.
double cost_of_reading() {
  constexpr int readings = 1000;
  const double begin = processor_seconds();
  for (int i = 1; i < readings; ++i) processor_seconds();
  return (processor_seconds() - begin) / readings;
}

class Run {
 public:
  explicit Run(const WhatIf& what) : what_(what), random_(what.seed), scheduler_(options_of(what)) {}

  Forecast forecast() {
    const std::size_t before = allocated();
    step(sched::JobSubmitted{job()});
    forecast_.bytes_a_task = static_cast<double>(allocated() - before) / (what_.tasks + what_.reduce_tasks);
    for (std::uint32_t i = 0; i < what_.executors; ++i) add_executor();
    if (what_.failures > 0) plan_death();
    plan({tick_length, Kind::tick, {}, {}});
    while (!over_ && !planned_.empty()) {
      const Planned next = planned_.top();
      planned_.pop();
      now_ = next.at;
      happen(next);
    }
    forecast_.makespan = static_cast<double>(now_) / second;
    forecast_.ideal = work_ / speed_;
    return forecast_;
  }

 private:
  enum class Kind : std::uint8_t { end, death, birth, tick };
  struct Planned {
    std::int64_t at = 0;
    Kind kind = Kind::tick;
    AttemptId attempt;
    ExecutorId executor;
    friend bool operator>(const Planned& left, const Planned& right) {
      return std::tuple(left.at, left.kind, left.attempt) > std::tuple(right.at, right.kind, right.attempt);
    }
  };

  static sched::Options options_of(const WhatIf& what) {
    sched::Options options;
    options.outputs_die_with_executor = true;
    options.backups.on = what.backups;
    return options;
  }

  void plan(const Planned& planned) { planned_.push(planned); }

  sched::JobSpec job() const {
    sched::JobSpec job{JobId{0}, "what if", {}};
    job.stages.push_back({StageId{0}, "read", what_.tasks, {}, {}, 0});
    if (what_.reduce_tasks > 0) job.stages.push_back({StageId{1}, "reduce", what_.reduce_tasks, {StageId{0}}, {}, 0});
    return job;
  }

  void add_executor() {
    const ExecutorId id{static_cast<std::uint32_t>(slow_.size())};
    slow_.push_back(std::bernoulli_distribution(what_.slow)(random_));
    alive_.push_back(true);
    if (id.value < what_.executors) speed_ += what_.slots / (slow_.back() ? slowness : 1);
    step(sched::ExecutorAdded{id, what_.slots, fmt::format("host {}", id.value)});
  }

  void plan_death() {
    std::exponential_distribution<double> gap(what_.failures * what_.executors / 3600);
    plan({now_ + static_cast<std::int64_t>(gap(random_) * second), Kind::death, {}, {}});
  }

  void happen(const Planned& what) {
    switch (what.kind) {
      case Kind::tick:
        plan({now_ + tick_length, Kind::tick, {}, {}});
        return step(sched::Tick{});
      case Kind::birth:
        return add_executor();
      case Kind::death:
        return die();
      case Kind::end:
        if (!alive_[what.executor.value]) return;
        ++forecast_.completions;
        return step(sched::TaskSucceeded{what.attempt, what.executor, {}});
    }
  }

  void die() {
    plan_death();
    const ExecutorId id{
        std::uniform_int_distribution<std::uint32_t>(0, static_cast<std::uint32_t>(alive_.size()) - 1)(random_)};
    if (!alive_[id.value]) return;
    alive_[id.value] = false;
    ++forecast_.lost_executors;
    plan({now_ + 60 * second, Kind::birth, {}, {}});
    step(sched::ExecutorLost{id, "it died"});
  }

  void step(const sched::Event& event) {
    ++forecast_.events;
    actions_.clear();
    // Reading this clock costs as much as most steps: of the ends of tasks, which are alike, one in many is measured.
    constexpr std::uint64_t sampled = 16;
    const bool end = std::holds_alternative<sched::TaskSucceeded>(event);
    const bool measured = !end || forecast_.completions % sampled == 0;
    const double begin = measured ? processor_seconds() : 0;
    scheduler_.step(event, sched::Time{now_}, actions_);
    if (measured) {
      forecast_.scheduler_seconds += std::max(0.0, processor_seconds() - begin - clock_cost_) * (end ? sampled : 1);
    }
    for (const sched::Action& action : actions_) {
      if (const auto* launch = std::get_if<sched::LaunchTask>(&action)) {
        this->launch(*launch);
      } else if (const auto* kill = std::get_if<sched::KillTask>(&action)) {
        plan({now_, Kind::end, kill->attempt, kill->executor});
      } else if (const auto* committed = std::get_if<sched::TaskCommitted>(&action)) {
        forecast_.made_again += committed->first ? 0 : 1;
      } else if (const auto* succeeded = std::get_if<sched::JobSucceeded>(&action)) {
        over_ = forecast_.succeeded = true;
        forecast_.reason = succeeded->reason;
      } else if (const auto* failed = std::get_if<sched::JobFailed>(&action)) {
        over_ = true;
        forecast_.reason = failed->reason;
      }
    }
  }

  void launch(const sched::LaunchTask& launch) {
    ++forecast_.attempts;
    forecast_.backups += launch.backup ? 1 : 0;
    std::lognormal_distribution<double> spread(0, 0.3);
    const double seconds = what_.task_seconds * spread(random_);
    if (launch.attempt.number == 0) work_ += seconds;
    const double length = seconds * (slow_[launch.executor.value] ? slowness : 1);
    plan({now_ + static_cast<std::int64_t>(length * second), Kind::end, launch.attempt, launch.executor});
  }

  const double clock_cost_ = cost_of_reading();
  WhatIf what_;
  std::mt19937_64 random_;
  sched::JobScheduler scheduler_;
  Forecast forecast_;
  std::vector<sched::Action> actions_;
  std::priority_queue<Planned, std::vector<Planned>, std::greater<>> planned_;
  std::vector<bool> slow_, alive_;  // by executor
  std::int64_t now_ = 0;
  double work_ = 0;   // seconds on a machine of ordinary speed, each task once
  double speed_ = 0;  // of all slots that there were at first, in such machines
  bool over_ = false;
};

}  // namespace

Forecast forecast(const WhatIf& what) { return Run(what).forecast(); }

}  // namespace millrace::sim
