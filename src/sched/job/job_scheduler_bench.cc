#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sched/job/job_scheduler.h"

namespace millrace::sched {
namespace {

std::size_t allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

std::string host(std::uint32_t number) { return fmt::format("host-{:04}", number); }

// One stage of `tasks` tasks on executors of 4 slots, answered in the order of their launch. With places, each task has
// its input on three hosts.
void completions(benchmark::State& state) {
  const auto tasks = static_cast<std::uint32_t>(state.range(0));
  const auto executors = static_cast<std::uint32_t>(state.range(1));
  const bool placed = state.range(2) != 0;
  double bytes_a_task = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto scheduler = std::make_unique<JobScheduler>();
    std::vector<Action> actions;
    JobSpec job{JobId{0}, "bench", {StageSpec{StageId{0}, "stage", tasks, {}, {}, 0}}};
    for (std::uint32_t task = 0; placed && task < tasks; ++task) {
      TaskPlace place;
      for (std::uint32_t copy = 0; copy < 3; ++copy) place.hosts.push_back(host((task * 7 + copy * 31) % executors));
      job.stages[0].places.push_back(std::move(place));
    }
    const std::size_t before = allocated();
    scheduler->step(JobSubmitted{job}, Time{0}, actions);
    bytes_a_task = static_cast<double>(allocated() - before) / tasks;
    for (std::uint32_t id = 0; id < executors; ++id)
      scheduler->step(ExecutorAdded{ExecutorId{id}, 4, host(id)}, Time{0}, actions);
    std::vector<LaunchTask> running;
    std::uint32_t succeeded = 0;
    const auto collect = [&] {
      for (const Action& action : actions) {
        if (const auto* launch = std::get_if<LaunchTask>(&action)) running.push_back(*launch);
        if (std::holds_alternative<JobSucceeded>(action)) ++succeeded;
      }
      actions.clear();
    };
    running.reserve(tasks);
    collect();
    state.ResumeTiming();
    std::int64_t now = 0;
    for (std::size_t next = 0; next < running.size(); ++next) {
      const AttemptId attempt = running[next].attempt;
      const ExecutorId executor = running[next].executor;
      scheduler->step(TaskStarted{attempt, executor}, Time{++now}, actions);
      scheduler->step(TaskSucceeded{attempt, executor, {}}, Time{++now}, actions);
      collect();
    }
    state.PauseTiming();
    if (running.size() != tasks || succeeded != 1) state.SkipWithError("the job did not run every task once");
    scheduler.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * tasks);
  state.counters["bytes_a_task"] = bytes_a_task;
}
BENCHMARK(completions)
    ->ArgNames({"tasks", "executors", "places"})
    ->Args({10'000, 64, 0})
    ->Args({1'000'000, 5'000, 0})
    ->Args({1'000'000, 5'000, 1})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace millrace::sched
