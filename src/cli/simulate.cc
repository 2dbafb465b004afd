#include <charconv>
#include <fmt/format.h>
#include <iostream>
#include <string>

#include <millrace/error.h>

#include "cli/command.h"
#include "cli/command_line.h"
#include "sim/what_if.h"
#include "sim/world.h"

namespace millrace::cli {
namespace {

double real(const char* option, const std::string& text, double least, double most) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= least && value <= most)) {
    throw Error(Cause::usage, fmt::format("{}: '{}' is not a number from {} to {}", option, text, least, most));
  }
  return value;
}

void print(const sim::WhatIf& what, const sim::Forecast& forecast) {
  std::cout << fmt::format(
      "{} tasks and {} that read what they shuffle, on {} executors of {} slots\n"
      "the job {}: {}\n"
      "makespan           {:.1f} s (virtual); {:.2f} times the {:.1f} s of all the work spread evenly\n"
      "attempts           {} ({} backups, {} to make lost outputs again)\n"
      "executors lost     {}\n"
      "scheduler          {} events in {:.2f} s: {:.2f} us an event, {:.0f} completions/s\n"
      "scheduler's memory {:.0f} bytes a pending task\n",
      what.tasks, what.reduce_tasks, what.executors, what.slots, forecast.succeeded ? "succeeds" : "fails",
      forecast.reason, forecast.makespan, forecast.makespan / forecast.ideal, forecast.ideal, forecast.attempts,
      forecast.backups, forecast.made_again, forecast.lost_executors, forecast.events, forecast.scheduler_seconds,
      forecast.scheduler_seconds * 1e6 / static_cast<double>(forecast.events),
      static_cast<double>(forecast.completions) / forecast.scheduler_seconds, forecast.bytes_a_task);
}

int run_chaos(std::uint64_t seed) {
  const sim::Outcome outcome = sim::simulate(seed, true);
  std::cout << outcome.log;
  for (const auto& [what, count] : outcome.reached) std::cout << fmt::format("{:8} {}\n", count, what);
  if (outcome.fault.empty()) return 0;
  throw Error(Cause::internal, outcome.fault);
}

}  // namespace

int run_simulate(const Invocation& invocation) {
  sim::WhatIf what;
  CommandLine line(
      "Runs a job that is made up on a cluster that is made up, on virtual time, with the real job scheduler: how "
      "long\n"
      "it would take, and what scheduling it costs. See docs/operations.md, \"What if\"");
  std::uint64_t executors = 100, slots = 1, tasks = 10'000, reduce_tasks = ~std::uint64_t{0};
  std::string seconds = "10", failures = "0", slow = "0";
  bool no_backups = false, chaos = false;
  line.number("--executors", executors, "Executors", 1, 1'000'000);
  line.number("--slots", slots, "Slots of each executor", 1, 10'000);
  line.number("--tasks", tasks, "Tasks that read input", 1, 100'000'000);
  line.number("--reduce-tasks", reduce_tasks, "Tasks that read what these shuffle (a tenth as many)", 0, 100'000'000);
  line.text("--task-seconds", seconds, "What a median task takes (10)");
  line.text("--failures", failures, "How often an executor dies, per hour (0)");
  line.text("--slow", slow, "Share of executors that take five times as long (0)");
  line.flag("--no-backups", no_backups, "Launch no second attempts of slow tasks");
  line.number("--seed", what.seed, "The same seed gives the same run", 0);
  line.flag("--chaos", chaos, "Run the seed of the scheduler's own test instead, and print its whole story");
  if (!line.parse(invocation)) return 0;
  if (chaos) return run_chaos(what.seed);

  what.executors = static_cast<std::uint32_t>(executors);
  what.slots = static_cast<std::uint32_t>(slots);
  what.tasks = static_cast<std::uint32_t>(tasks);
  what.reduce_tasks = static_cast<std::uint32_t>(reduce_tasks == ~std::uint64_t{0} ? tasks / 10 : reduce_tasks);
  what.task_seconds = real("--task-seconds", seconds, 1e-6, 1e6);
  what.failures = real("--failures", failures, 0, 1000);
  what.slow = real("--slow", slow, 0, 1);
  what.backups = !no_backups;
  const sim::Forecast forecast = sim::forecast(what);
  print(what, forecast);
  return forecast.succeeded ? 0 : 1;
}

}  // namespace millrace::cli
