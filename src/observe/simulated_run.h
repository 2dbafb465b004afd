#pragma once

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <map>
#include <queue>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "observe/logged.h"
#include "sched/job/job_scheduler.h"

// A whole run on virtual time from a seed: the real job scheduler, and tasks that only take time. For the tests of this
// folder, which need logs that could have happened.

namespace millrace::observe {

struct SimulatedRunOptions {
  std::uint32_t seed = 1;
  std::uint32_t tasks = 40;  ///< of the first stage; the second has a quarter
  std::uint32_t executors = 3;
  std::uint32_t slots = 2;
  double failures = 0.05;        ///< share of attempts that fail by a cause that is retried
  bool lose_an_executor = true;  ///< in the middle of the first stage, with the outputs on it
  bool fatal = false;            ///< a task of the second stage fails by out_of_disk
};

class SimulatedRun {
 public:
  explicit SimulatedRun(SimulatedRunOptions options) : options_(options), random_(options.seed), scheduler_(limits()) {}

  std::vector<Logged> records() {
    facts();
    for (std::uint32_t id = 0; id < options_.executors; ++id) {
      step(sched::ExecutorAdded{ExecutorId{id}, options_.slots, fmt::format("node-{:02}", id)});
    }
    step(sched::JobSubmitted{job()});
    while (!running_.empty()) {
      const auto [at, order, launch] = running_.top();
      running_.pop();
      now_ = at;
      answer(launch);
      if (options_.lose_an_executor && launch.attempt.partition.value == options_.tasks / 2) {
        options_.lose_an_executor = false;
        lost_ = ExecutorId{options_.executors - 1};
        step(sched::ExecutorLost{lost_, "no heartbeat for 10 s"});
      }
    }
    now_ += 3000;
    put(RunEnded{failed_ ? 1 : 0, failed_ ? "no space left on /tmp/millrace" : ""});
    return std::move(records_);
  }

 private:
  using Running = std::tuple<std::int64_t, std::uint64_t, sched::LaunchTask>;
  struct Later {
    bool operator()(const Running& left, const Running& right) const {
      return std::tie(std::get<0>(left), std::get<1>(left)) > std::tie(std::get<0>(right), std::get<1>(right));
    }
  };

  static sched::Options limits() {
    sched::Options options;
    options.outputs_die_with_executor = true;
    return options;
  }

  void facts() {
    RunStarted run;
    run.unix_microseconds = 1'790'000'000'000'000;
    run.version = "0.1.0";
    run.command = "millrace ngrams -n 3 /data/books -o /data/out --threads 6";
    run.host = "workstation";
    run.processor = "Xeon Platinum 8370C";
    run.cores = 6;
    run.memory_bytes = std::uint64_t{16} << 30;
    run.options = {{"memory", "4 GiB"}, {"reducers", fmt::format("{}", options_.tasks / 4)}, {"threads", "6"}};
    put(std::move(run));
    JobPlanned plan;
    plan.job = JobId{0};
    plan.plan =
        "stage 0: read_text(/data/books/*.txt) > flat_map(words) > map > combine_by_key\n"
        "stage 1: parallelize(stop words) > map\n"
        "stage 2: shuffle(hash) > reduce_by_key <- stage 0, stage 1\n"
        "stage 3: shuffle(range) > sort_by_key > write_text(/data/out) <- stage 2\n";
    plan.inputs = {{"/data/books/a.txt", 700u << 20}, {"/data/books/b.txt", 324u << 20}};
    plan.output = "/data/out";
    put(std::move(plan));
  }

  sched::JobSpec job() const {
    const std::uint32_t few = std::max(1u, options_.tasks / 4);
    sched::JobSpec job{JobId{0}, "write_text (ngrams.cpp:31)", {}};
    job.stages.push_back({StageId{0}, "read_text > flat_map > map > combine_by_key", options_.tasks, {}, {}, 1u << 30});
    job.stages.push_back({StageId{1}, "parallelize > map", 2, {}, {true, true}, 0});
    job.stages.push_back({StageId{2}, "reduce_by_key", few, {StageId{0}, StageId{1}}, {}, 0});
    job.stages.push_back({StageId{3}, "sort_by_key > write_text", few, {StageId{2}}, {}, 0});
    return job;
  }

  bool chance(double p) { return std::bernoulli_distribution(p)(random_); }

  std::int64_t duration(const AttemptId& attempt) {
    std::lognormal_distribution<double> spread(0, 0.35);
    double seconds = attempt.stage.value == 0 ? 0.8 : 0.5;
    if (attempt.stage.value == 2 && attempt.partition.value == 0)
      seconds *= 5;  // the key that half of the records have
    return static_cast<std::int64_t>(seconds * spread(random_) * 1e6);
  }

  sched::TaskMetrics metrics(const AttemptId& attempt, std::int64_t wall) {
    sched::TaskMetrics metrics;
    metrics.wall_microseconds = wall;
    metrics.cpu_microseconds = wall * 85 / 100;
    metrics.records_in = static_cast<std::uint64_t>(wall) / 2;
    metrics.records_out = metrics.records_in / 3;
    metrics.peak_memory = (64u << 20) + random_() % (64u << 20);
    if (attempt.stage.value == 0) {
      metrics.bytes_in = (1u << 30) / options_.tasks;
      metrics.shuffle_bytes_written = metrics.bytes_in / 4;
      metrics.counters["words"] = static_cast<std::int64_t>(metrics.records_in);
      if (chance(0.1)) metrics.counters["empty lines"] = 1;
    } else {
      metrics.shuffle_bytes_read = static_cast<std::uint64_t>(wall) * 40;
      metrics.bytes_out = attempt.stage.value == 3 ? metrics.shuffle_bytes_read : 0;
      metrics.shuffle_bytes_written = attempt.stage.value == 2 ? metrics.shuffle_bytes_read : 0;
    }
    if (wall > 1'500'000) {
      metrics.spills = 2;
      metrics.spilled_bytes = 96u << 20;
    }
    return metrics;
  }

  void answer(const sched::LaunchTask& launch) {
    if (launch.executor == lost_) return;
    const auto wall = now_ - started_[launch.attempt];
    if (options_.fatal && launch.attempt.stage.value == 2) {
      step(sched::TaskFailed{launch.attempt,
                             launch.executor,
                             {Cause::out_of_disk, "no space left on /tmp/millrace", {}},
                             metrics(launch.attempt, wall)});
    } else if (chance(options_.failures)) {
      step(sched::TaskFailed{launch.attempt,
                             launch.executor,
                             {Cause::user_code,
                              "flat_map (ngrams.cpp:22) threw std::out_of_range on /data/books/a.txt bytes 0-33554432",
                              {}},
                             metrics(launch.attempt, wall / 2)});
    } else {
      step(sched::TaskSucceeded{launch.attempt, launch.executor, metrics(launch.attempt, wall)});
    }
  }

  void step(sched::Event event) {
    std::vector<sched::Action> actions;
    scheduler_.step(event, Time{now_}, actions);
    records_.push_back(logged(Time{now_}, event));
    for (sched::Action& action : actions) {
      if (const auto* launch = std::get_if<sched::LaunchTask>(&action)) {
        started_[launch->attempt] = now_;
        running_.push({now_ + duration(launch->attempt), order_++, *launch});
      }
      failed_ = failed_ || std::holds_alternative<sched::JobFailed>(action);
    }
    for (sched::Action& action : actions) {
      const auto* launch = std::get_if<sched::LaunchTask>(&action);
      const auto started =
          launch == nullptr ? sched::TaskStarted{} : sched::TaskStarted{launch->attempt, launch->executor};
      const bool launched = launch != nullptr;
      records_.push_back(logged(Time{now_}, std::move(action)));
      if (launched) step(started);
    }
  }

  template <class Value>
  void put(Value value) {
    records_.push_back({Time{now_}, std::move(value)});
  }

  SimulatedRunOptions options_;
  std::mt19937 random_;
  sched::JobScheduler scheduler_;
  std::vector<Logged> records_;
  std::priority_queue<Running, std::vector<Running>, Later> running_;
  std::map<AttemptId, std::int64_t> started_;
  std::int64_t now_ = 1500;
  std::uint64_t order_ = 0;
  ExecutorId lost_{~0u};
  bool failed_ = false;
};

inline std::vector<Logged> simulated_run(SimulatedRunOptions options = {}) { return SimulatedRun(options).records(); }

}  // namespace millrace::observe
