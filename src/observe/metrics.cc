#include "observe/metrics.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <string_view>

namespace millrace::observe {
namespace {

// One family of metrics in the text format: its head, then its samples.
class Family {
 public:
  Family(std::string& out, std::string_view name, std::string_view type, std::string_view help)
      : out_(out), name_(name) {
    fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <class Number>
  Family& sample(Number value, std::string_view labels = "", std::string_view suffix = "") {
    const char* open = labels.empty() ? "" : "{";
    const char* close = labels.empty() ? "" : "}";
    fmt::format_to(std::back_inserter(out_), "{}{}{}{}{} {}\n", name_, suffix, open, labels, close, value);
    return *this;
  }

 private:
  std::string& out_;
  std::string_view name_;
};

std::string escaped_label(std::string_view text) {
  std::string out;
  for (const char character : text) {
    if (character == '\\' || character == '"') out += '\\';
    if (character == '\n') {
      out += "\\n";
    } else {
      out += character;
    }
  }
  return out;
}

double seconds(double microseconds) { return microseconds / 1e6; }

void append_tasks(std::string& out, const Metrics& metrics) {
  Family attempts(out, "millrace_task_attempts_total", "counter", "Attempts at tasks that have ended, by outcome.");
  for (const AttemptState state :
       {AttemptState::counted, AttemptState::surplus, AttemptState::failed, AttemptState::killed, AttemptState::lost}) {
    attempts.sample(metrics.attempts[static_cast<std::size_t>(state)], fmt::format("outcome=\"{}\"", name(state)));
  }
  Family(out, "millrace_tasks_running", "gauge", "Attempts that run now.").sample(metrics.running);
  Family(out, "millrace_tasks_pending", "gauge", "Tasks of unfinished stages that neither run nor are done.")
      .sample(metrics.pending);
  Family times(out, "millrace_task_duration_seconds", "histogram", "Durations of the attempts that counted.");
  for (double bound = 1024; bound < 1.2e9; bound *= 4) {
    times.sample(std::round(metrics.times.at_most(bound)), fmt::format("le=\"{}\"", seconds(bound)), "_bucket");
  }
  times.sample(metrics.times.count(), "le=\"+Inf\"", "_bucket");
  times.sample(seconds(metrics.times.sum()), "", "_sum").sample(metrics.times.count(), "", "_count");
  Family(out, "millrace_task_cpu_seconds_total", "counter", "Processor time of the attempts that counted.")
      .sample(seconds(static_cast<double>(metrics.totals.cpu_microseconds)));
  Family(out, "millrace_task_wasted_seconds_total", "counter", "Durations of attempts that did not count.")
      .sample(seconds(static_cast<double>(metrics.wasted)));
}

void append_data(std::string& out, const Metrics& metrics) {
  const sched::TaskMetrics& sum = metrics.totals;
  Family(out, "millrace_read_bytes_total", "counter", "Bytes of input read.").sample(sum.bytes_in);
  Family(out, "millrace_written_bytes_total", "counter", "Bytes of output written.").sample(sum.bytes_out);
  Family(out, "millrace_read_records_total", "counter", "Records that tasks took in.").sample(sum.records_in);
  Family(out, "millrace_written_records_total", "counter", "Records that tasks gave out.").sample(sum.records_out);
  Family(out, "millrace_shuffle_read_bytes_total", "counter", "Bytes of shuffled blocks read.")
      .sample(sum.shuffle_bytes_read);
  Family(out, "millrace_shuffle_written_bytes_total", "counter", "Bytes of shuffled blocks written.")
      .sample(sum.shuffle_bytes_written);
  Family(out, "millrace_spills_total", "counter", "How often tasks spilled.").sample(sum.spills);
  Family(out, "millrace_spilled_bytes_total", "counter", "Bytes that tasks spilled.").sample(sum.spilled_bytes);
  Family(out, "millrace_skipped_records_total", "counter", "Bad records that were left out.")
      .sample(sum.skipped_records);
  Family(out, "millrace_task_peak_memory_bytes", "gauge", "The most that one task has held so far.")
      .sample(sum.peak_memory);
  if (sum.counters.empty()) return;
  Family counters(out, "millrace_user_value", "gauge", "Counters of the job's own functions.");
  for (const auto& [name, value] : sum.counters) {
    counters.sample(value, fmt::format("name=\"{}\"", escaped_label(name)));
  }
}

void append_run(std::string& out, const Metrics& metrics) {
  Family(out, "millrace_run_info", "gauge", "Always 1; the version is a label.")
      .sample(1, fmt::format("version=\"{}\"", escaped_label(metrics.version)));
  Family(out, "millrace_run_start_time_seconds", "gauge", "When the run started, in seconds since 1970.")
      .sample(fmt::format("{:.6f}", seconds(static_cast<double>(metrics.started_unix_microseconds))));
  Family jobs(out, "millrace_jobs", "gauge", "Jobs by state.");
  for (const JobProgress state : {JobProgress::running, JobProgress::succeeded, JobProgress::failed}) {
    jobs.sample(metrics.jobs[static_cast<std::size_t>(state)], fmt::format("state=\"{}\"", name(state)));
  }
  Family stages(out, "millrace_stages", "gauge", "Stages by state.");
  for (const StageProgress state : {StageProgress::waiting, StageProgress::running, StageProgress::finished,
                                    StageProgress::skipped, StageProgress::failed}) {
    stages.sample(metrics.stages[static_cast<std::size_t>(state)], fmt::format("state=\"{}\"", name(state)));
  }
  Family(out, "millrace_executors", "gauge", "Executors that are there.").sample(metrics.executors);
  Family(out, "millrace_executors_set_aside", "gauge", "Executors that get no tasks for a while.")
      .sample(metrics.executors_set_aside);
  Family(out, "millrace_executors_lost", "gauge", "Executors that were there and are lost.")
      .sample(metrics.executors_lost);
  Family(out, "millrace_slots", "gauge", "Tasks that can run at once.").sample(metrics.slots);
}

}  // namespace

const char* const metrics_type = "text/plain; version=0.0.4; charset=utf-8";

Metrics metrics_of(const RunModel& model) {
  Metrics metrics;
  metrics.running = model.running().size();
  metrics.totals = model.totals();
  metrics.version = model.run().version;
  metrics.started_unix_microseconds = model.run().unix_microseconds;
  const auto add = [&](AttemptState state, std::uint64_t count) {
    metrics.attempts[static_cast<std::size_t>(state)] += count;
  };
  for (const auto& [id, job] : model.jobs()) {
    ++metrics.jobs[static_cast<std::size_t>(job.state)];
    for (const StageRow& stage : job.stages) {
      ++metrics.stages[static_cast<std::size_t>(stage.state)];
      add(AttemptState::failed, stage.failed);
      add(AttemptState::killed, stage.killed);
      add(AttemptState::lost, stage.lost);
      add(AttemptState::surplus, stage.surplus);
      add(AttemptState::counted, stage.times.count() + stage.made_again);
      metrics.times.add(stage.times);
      metrics.wasted += static_cast<std::uint64_t>(stage.wasted_time);
      const bool unfinished = stage.state == StageProgress::waiting || stage.state == StageProgress::running;
      const std::uint64_t taken = std::uint64_t{stage.done} + stage.running;
      if (unfinished && taken < stage.tasks) metrics.pending += stage.tasks - taken;
    }
  }
  for (const auto& [id, executor] : model.executors()) {
    if (executor.lost != not_yet) {
      metrics.executors_lost += executor.draining ? 0 : 1;
      continue;
    }
    ++metrics.executors;
    metrics.slots += executor.slots;
    if (executor.set_aside_until != not_yet) ++metrics.executors_set_aside;
  }
  return metrics;
}

std::string metrics_text(const Metrics& metrics) {
  std::string out;
  append_run(out, metrics);
  append_tasks(out, metrics);
  append_data(out, metrics);
  return out;
}

}  // namespace millrace::observe
