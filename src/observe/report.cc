#include "observe/report.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

#include "observe/findings.h"
#include "observe/quantities.h"
#include "observe/text_table.h"

namespace millrace::observe {
namespace {

using Align = TextTable::Align;

std::string line(const char* label, const std::string& text) { return fmt::format("{:<9}{}\n", label, text); }

std::string head(const RunModel& model) {
  const RunStarted& run = model.run();
  std::string text = line("Run", run.command.empty() ? "(unknown)" : run.command);
  if (run.unix_microseconds > 0) text += line("Started", date_text(run.unix_microseconds));
  text += line("Took", duration_text(model.now()) + ", " + run_state(model));
  if (model.end() && !model.end()->message.empty()) text += line("Error", model.end()->message);
  if (model.end() && model.end()->broadcast_bytes != 0) {
    text += line("Sent", bytes_text(static_cast<double>(model.end()->broadcast_bytes)) +
                             " of broadcast values by the driver; executors passed them on");
  }
  if (!run.host.empty()) {
    text += line("Machine", fmt::format("{}: {} cores of {}, {}", run.host, run.cores,
                                        run.processor.empty() ? "an unknown processor" : run.processor,
                                        bytes_text(static_cast<double>(run.memory_bytes))));
  }
  if (!run.version.empty()) text += line("Millrace", run.version);
  std::string options;
  for (const auto& [name, value] : run.options)
    options += fmt::format("{}{}={}", options.empty() ? "" : " ", name, value);
  if (!options.empty()) text += line("Options", options);
  return text;
}

std::string stage_table(const JobRow& job, std::int64_t now) {
  TextTable table(
      {"stage", "operations", "state", "tasks", "failed", "elapsed", "median", "longest", "skew", "records in",
       "records out", "read", "written", "spilled", "memory"},
      {Align::right, Align::left, Align::left, Align::right, Align::right, Align::right, Align::right, Align::right,
       Align::right, Align::right, Align::right, Align::right, Align::right, Align::right, Align::right});
  for (const StageRow& stage : job.stages) {
    const Spread time = spread_of_time(stage);
    const bool ran = stage.started != not_yet;
    const auto shown = [&](const std::string& text) { return ran ? text : std::string("-"); };
    const auto bytes = [&](std::uint64_t count) { return shown(bytes_text(static_cast<double>(count))); };
    table.add({fmt::format("{}", stage.id), stage.name, name(stage.state),
               stage.done == stage.tasks ? count_text(stage.tasks) : fmt::format("{}/{}", stage.done, stage.tasks),
               count_text(stage.failed + stage.lost), shown(duration_text(stage.elapsed(now))),
               shown(duration_text(static_cast<std::int64_t>(time.median))),
               shown(duration_text(static_cast<std::int64_t>(time.most))), shown(ratio_text(time.skew())),
               shown(count_text(stage.totals.records_in)), shown(count_text(stage.totals.records_out)),
               bytes(stage.bytes_read()), bytes(stage.bytes_written()), bytes(stage.totals.spilled_bytes),
               bytes(stage.totals.peak_memory)});
  }
  return table.text("  ");
}

std::string job_section(const JobRow& job, std::int64_t now) {
  std::string text =
      fmt::format("\nJob {}: {}: {} in {}\n", job.id, job.name, name(job.state), duration_text(job.elapsed(now)));
  if (job.state == JobProgress::failed) text += fmt::format("  {}: {}\n", millrace::name(job.cause), job.reason);
  if (!job.plan.inputs.empty()) {
    double bytes = 0;
    for (const InputFact& input : job.plan.inputs) bytes += static_cast<double>(input.bytes);
    text += fmt::format("  input: {} files, {}: {}{}\n", job.plan.inputs.size(), bytes_text(bytes),
                        job.plan.inputs.front().path, job.plan.inputs.size() > 1 ? ", ..." : "");
  }
  if (!job.plan.output.empty()) text += fmt::format("  output: {}\n", job.plan.output);
  text += '\n' + stage_table(job, now);
  if (!job.plan.plan.empty()) {
    text += "\n  Plan\n";
    for (std::size_t at = 0; at < job.plan.plan.size();) {
      const std::size_t end = std::min(job.plan.plan.find('\n', at), job.plan.plan.size());
      text += "    " + job.plan.plan.substr(at, end - at) + '\n';
      at = end + 1;
    }
  }
  return text;
}

std::string time_section(const RunModel& model) {
  const SlotTime time = model.slot_time();
  if (time.total <= 0) return "";
  TextTable table({"where the time went", "share", "slot time"}, {Align::left, Align::right, Align::right});
  const auto row = [&](const char* what, double part) {
    table.add({what, percent_text(part, time.total), duration_text(static_cast<std::int64_t>(part))});
  };
  row("computing", time.cpu);
  row("waiting (disk, memory, locks, the processor)", time.waiting);
  row("attempts that do not count", time.wasted);
  row("no task", time.idle);
  return '\n' + table.text("") +
         fmt::format("No task ran for {} of {}.\n", duration_text(model.now() - model.time_with_tasks()),
                     duration_text(model.now()));
}

std::string failure_section(const RunModel& model) {
  std::string text;
  for (const auto& [id, executor] : model.executors()) {
    if (executor.lost == not_yet || executor.lost_reason.empty()) continue;
    if (executor.draining) continue;
    text += fmt::format("  {:>9}  executor {} ({}) was lost: {}\n", duration_text(executor.lost), id, executor.host,
                        executor.lost_reason);
  }
  constexpr std::size_t most = 20;
  for (std::size_t i = 0; i < std::min(most, model.failures().size()); ++i) {
    const FailureRow& failure = model.failures()[i];
    text += fmt::format("  {:>9}  stage {} task {} attempt {} on executor {}: {}: {}\n", duration_text(failure.at),
                        failure.attempt.stage, failure.attempt.partition, failure.attempt.number, failure.executor,
                        millrace::name(failure.cause), failure.message);
  }
  if (model.failure_count() > most)
    text += fmt::format("  ... and {} more\n", count_text(model.failure_count() - most));
  return text.empty() ? "" : "\nFailures\n" + text;
}

std::string growth_section(const RunModel& model) {
  const GrowthRow& growth = model.growth();
  if (!growth.any()) return {};
  std::string text = fmt::format("\nExecutors were added while tasks waited: {} asked for", count_text(growth.asked));
  if (growth.withdrawn > 0) text += fmt::format(", {} taken back before they came", count_text(growth.withdrawn));
  if (growth.refused > 0) text += fmt::format(", {} refused ({})", count_text(growth.refused), growth.last_refusal);
  text += fmt::format(", {} given back.\n", count_text(growth.given_back));
  for (const auto& [id, executor] : model.executors()) {
    if (!executor.draining) continue;
    text += fmt::format("  {:>9}  executor {} ({}), there since {}, was given back: {}\n",
                        duration_text(executor.lost == not_yet ? model.now() : executor.lost), id, executor.host,
                        duration_text(executor.added), executor.draining_reason);
  }
  return text;
}

std::string counter_section(const sched::TaskMetrics& totals) {
  if (totals.counters.empty()) return "";
  TextTable table({"counter", "value"}, {Align::left, Align::right});
  for (const auto& [name, value] : totals.counters) table.add({name, signed_count_text(value)});
  return '\n' + table.text("");
}

}  // namespace

std::string run_state(const RunModel& model) {
  if (!model.end()) return "unfinished";
  return model.end()->status == 0 ? "succeeded" : model.end()->status == 130 ? "interrupted" : "failed";
}

std::string date_text(std::int64_t unix_microseconds) {
  const auto seconds = static_cast<std::time_t>(unix_microseconds / 1'000'000);
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return "an unknown date";
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string render_text(const RunModel& model) {
  std::string text = head(model);
  const std::vector<std::string> found = findings(model);
  if (!found.empty()) text += "\nWhat stands out\n";
  for (const std::string& finding : found) text += "  - " + finding + '\n';
  text += time_section(model);
  for (const auto& [id, job] : model.jobs()) text += job_section(job, model.now());
  text += growth_section(model);
  text += failure_section(model);
  text += counter_section(model.totals());
  return text;
}

}  // namespace millrace::observe
