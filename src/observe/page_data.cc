#include "observe/page_data.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>
#include <nlohmann/json.hpp>

#include "observe/findings.h"
#include "observe/pending.h"
#include "observe/report.h"

namespace millrace::observe {
namespace {

using nlohmann::json;

constexpr std::size_t most_failures = 200;
constexpr std::size_t most_running = 2000;

JobRow without_attempts(JobRow job) {
  for (StageRow& stage : job.stages) stage.attempts = {};
  return job;
}

json stage_data(const StageRow& stage, const PageUpdate& update) {
  json parents = json::array();
  for (const StageId parent : stage.parents) parents.push_back(parent.value);
  const sched::TaskMetrics& sum = stage.totals;
  const auto pending = update.pending.find({stage.job, stage.id});
  return {{"id", stage.id.value},
          {"name", stage.name},
          {"parents", std::move(parents)},
          {"tasks", stage.tasks},
          {"done", stage.done},
          {"before", stage.done_before},
          {"running", stage.running},
          {"state", name(stage.state)},
          {"reason", stage.reason},
          {"pending", pending == update.pending.end() ? "" : pending->second},
          {"started", stage.started},
          {"finished", stage.finished},
          {"starts", stage.starts},
          {"attempts", stage.launched},
          {"failed", stage.failed + stage.lost},
          {"killed", stage.killed},
          {"surplus", stage.surplus},
          {"again", stage.made_again},
          {"input", stage.input_bytes},
          {"live", stage.live_bytes},
          {"recordsIn", sum.records_in},
          {"recordsOut", sum.records_out},
          {"bytesIn", sum.bytes_in},
          {"bytesOut", sum.bytes_out},
          {"shuffleRead", sum.shuffle_bytes_read},
          {"shuffleWritten", sum.shuffle_bytes_written},
          {"spills", sum.spills},
          {"spilled", sum.spilled_bytes},
          {"memory", sum.peak_memory},
          {"skipped", sum.skipped_records},
          {"cpu", sum.cpu_microseconds},
          {"taskTime", stage.task_time},
          {"wasted", stage.wasted_time},
          {"least", stage.times.least()},
          {"median", stage.times.quantile(0.5)},
          {"high", stage.times.quantile(0.95)},
          {"longest", stage.times.most()},
          {"timeSkew", stage.times.skew()},
          {"byteSkew", stage.sizes.skew()},
          {"shape", stage.times.shape(20)}};
}

json job_data(const JobRow& job, const PageUpdate& update) {
  json stages = json::array();
  for (const StageRow& stage : job.stages) stages.push_back(stage_data(stage, update));
  double bytes = 0;
  for (const InputFact& input : job.plan.inputs) bytes += static_cast<double>(input.bytes);
  return {{"id", job.id.value},
          {"name", job.name},
          {"state", name(job.state)},
          {"cause", job.state == JobProgress::failed ? millrace::name(job.cause) : ""},
          {"reason", job.reason},
          {"submitted", job.submitted},
          {"ended", job.ended},
          {"plan", job.plan.plan},
          {"inputs", job.plan.inputs.size()},
          {"inputBytes", bytes},
          {"input", job.plan.inputs.empty() ? "" : job.plan.inputs.front().path},
          {"output", job.plan.output},
          {"stages", std::move(stages)}};
}

json executor_data(const ExecutorRow& executor) {
  return {{"id", executor.id.value},
          {"host", executor.host},
          {"rack", executor.rack},
          {"slots", executor.slots},
          {"running", executor.running},
          {"attempts", executor.attempts},
          {"failed", executor.failed},
          {"busy", executor.busy},
          {"added", executor.added},
          {"lost", executor.lost},
          {"lostReason", executor.lost_reason},
          {"draining", executor.draining},
          {"drainingReason", executor.draining_reason},
          {"asideUntil", executor.set_aside_until},
          {"asideReason", executor.set_aside_reason},
          {"timesAside", executor.times_set_aside},
          {"heard", executor.last_heard}};
}

json failure_data(const FailureRow& failure) {
  return {{"at", failure.at},
          {"job", failure.job.value},
          {"stage", failure.attempt.stage.value},
          {"partition", failure.attempt.partition.value},
          {"attempt", failure.attempt.number},
          {"executor", failure.executor.value},
          {"cause", millrace::name(failure.cause)},
          {"message", failure.message}};
}

json running_data(const std::pair<AttemptId, LiveAttempt>& each) {
  const auto& [id, live] = each;
  return {live.job.value, id.stage.value,   id.partition.value, id.number,        live.row.executor.value,
          live.row.slot,  live.row.started, live.row.backup,    live.row.progress};
}

json totals_data(const PageUpdate& update) {
  const sched::TaskMetrics& sum = update.totals;
  json counters = json::object();
  for (const auto& [name, value] : sum.counters) counters[name] = value;
  return {{"recordsIn", sum.records_in},
          {"recordsOut", sum.records_out},
          {"bytesIn", sum.bytes_in},
          {"bytesOut", sum.bytes_out},
          {"shuffleRead", sum.shuffle_bytes_read},
          {"shuffleWritten", sum.shuffle_bytes_written},
          {"spills", sum.spills},
          {"spilled", sum.spilled_bytes},
          {"memory", sum.peak_memory},
          {"skipped", sum.skipped_records},
          {"counters", std::move(counters)}};
}

json run_data(const RunStarted& run) {
  json options = json::object();
  for (const auto& [name, value] : run.options) options[name] = value;
  return {{"started", run.unix_microseconds}, {"version", run.version},
          {"command", run.command},           {"host", run.host},
          {"processor", run.processor},       {"cores", run.cores},
          {"memory", run.memory_bytes},       {"options", std::move(options)}};
}

// One array a column: most of what a page is told, and so not by way of a tree.
std::string bars_data(const std::vector<Timeline::Bar>& bars) {
  std::string out = "{";
  const auto column = [&](const char* name, auto value) {
    fmt::format_to(std::back_inserter(out), "{}\"{}\":[", out.size() > 1 ? "," : "", name);
    for (std::size_t i = 0; i < bars.size(); ++i) {
      fmt::format_to(std::back_inserter(out), "{}{}", i == 0 ? "" : ",", value(bars[i]));
    }
    out += ']';
  };
  using Bar = Timeline::Bar;
  column("job", [](const Bar& bar) { return bar.job.value; });
  column("stage", [](const Bar& bar) { return bar.stage.value; });
  column("partition", [](const Bar& bar) { return bar.partition.value; });
  column("attempt", [](const Bar& bar) { return bar.number; });
  column("executor", [](const Bar& bar) { return bar.executor.value; });
  column("slot", [](const Bar& bar) { return bar.slot; });
  column("tasks", [](const Bar& bar) { return bar.tasks; });
  column("state", [](const Bar& bar) { return static_cast<int>(bar.state); });
  column("backup", [](const Bar& bar) { return bar.backup ? 1 : 0; });
  column("start", [](const Bar& bar) { return bar.started; });
  column("took", [](const Bar& bar) { return bar.ended - bar.started; });
  column("read", [](const Bar& bar) { return bar.bytes_in; });
  column("written", [](const Bar& bar) { return bar.bytes_out; });
  column("spilled", [](const Bar& bar) { return bar.spilled_bytes; });
  return out + "}";
}

// "</script>" inside a string would end the element that it stands in, and "<!--" would change how that is read.
std::string safe_in_script(const std::string& text) {
  std::string safe;
  safe.reserve(text.size());
  for (const char character : text) {
    if (character == '<') {
      safe += "\\u003c";
    } else {
      safe += character;
    }
  }
  return safe;
}

}  // namespace

std::string PageCursor::text() const { return fmt::format("{}.{}.{}", revision, epoch, bars); }

PageCursor PageCursor::from(std::string_view text) {
  PageCursor cursor;
  const char* at = text.data();
  const char* end = text.data() + text.size();
  const auto number = [&](auto& value, bool last) {
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc{} || (last ? stop != end : stop == end || *stop != '.')) return false;
    at = last ? stop : stop + 1;
    return true;
  };
  if (number(cursor.revision, false) && number(cursor.epoch, false) && number(cursor.bars, true)) return cursor;
  return {};
}

PageUpdate page_update(const RunModel& model, Timeline& timeline, const PageCursor& after, bool live) {
  PageUpdate update;
  timeline.seal();
  update.live = live;
  update.cursor = {model.revision(), timeline.epoch(), timeline.bars().size()};
  update.now = model.now();
  update.state = live && !model.end() ? "running" : run_state(model);
  update.run = model.run();
  update.end = model.end();
  update.totals = model.totals();
  update.slots = model.slot_time();
  update.time_with_tasks = model.time_with_tasks();
  update.findings = findings(model);
  for (const auto& [id, job] : model.jobs()) {
    for (const StageRow& stage : job.stages) {
      if (std::string why = why_pending(model, job, stage); !why.empty()) update.pending[{id, stage.id}] = why;
    }
    const bool changed = job.revision > after.revision || job.state == JobProgress::running;
    if (changed || after.revision == 0) update.jobs.push_back(without_attempts(job));
  }
  for (const auto& [id, executor] : model.executors()) update.executors.push_back(executor);
  const auto failures = std::min(most_failures, model.failures().size());
  update.failures.assign(model.failures().begin(), model.failures().begin() + static_cast<std::ptrdiff_t>(failures));
  update.failure_count = model.failure_count();
  update.running_count = model.running().size();
  for (const auto& each : model.running()) {
    if (update.running.size() == most_running) break;
    if (each.second.row.slot != no_slot) update.running.push_back(each);
  }
  update.all_bars = after.revision == 0 || after.epoch != timeline.epoch() || after.bars > timeline.bars().size();
  const std::size_t from = update.all_bars ? 0 : after.bars;
  update.bars.assign(timeline.bars().begin() + static_cast<std::ptrdiff_t>(from), timeline.bars().end());
  return update;
}

std::string page_data(const PageUpdate& update) {
  json data = {{"live", update.live},
               {"cursor", update.cursor.text()},
               {"now", update.now},
               {"state", update.state},
               {"message", update.end ? update.end->message : ""},
               {"over", update.end.has_value()},
               {"run", run_data(update.run)},
               {"totals", totals_data(update)},
               {"slots",
                {{"total", update.slots.total},
                 {"cpu", update.slots.cpu},
                 {"waiting", update.slots.waiting},
                 {"wasted", update.slots.wasted},
                 {"idle", update.slots.idle},
                 {"withTasks", update.time_with_tasks}}},
               {"findings", update.findings},
               {"failureCount", update.failure_count},
               {"runningCount", update.running_count},
               {"allBars", update.all_bars}};
  const auto list = [&](const char* name, const auto& rows, auto to_json) {
    json& array = data[name] = json::array();
    for (const auto& row : rows) array.push_back(to_json(row));
  };
  list("jobs", update.jobs, [&](const JobRow& job) { return job_data(job, update); });
  list("executors", update.executors, executor_data);
  list("failures", update.failures, failure_data);
  list("running", update.running, running_data);
  std::string text = data.dump(-1, ' ', false, json::error_handler_t::replace);
  text.back() = ',';  // in the place of the closing brace
  text += "\"bars\":" + bars_data(update.bars) + "}";
  return safe_in_script(text);
}

}  // namespace millrace::observe
