#include "observe/trace.h"

#include <fmt/format.h>
#include <iterator>
#include <variant>

#include "observe/json_text.h"

namespace millrace::observe {
namespace {

constexpr std::uint64_t driver = 0;              // its number as a process; executors follow
constexpr std::int64_t counter_interval = 1000;  // microseconds: more often than this nobody can see

std::uint64_t process_of(ExecutorId executor) { return std::uint64_t{executor.value} + 1; }
std::uint64_t track_of(std::uint32_t slot) { return slot == no_slot ? 0 : std::uint64_t{slot} + 1; }

void append_string(std::string& out, std::string_view key, std::string_view text) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":", key);
  append_json_string(out, text);
}

template <class Number>
void append_number(std::string& out, std::string_view key, Number number) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":{}", key, number);
}

}  // namespace

TraceWriter::TraceWriter(std::string path)
    : file_("the trace", std::move(path)), model_(Detail::totals, static_cast<AttemptSink*>(this)) {
  file_.buffer() += '[';
  name_track(driver, 0, "process_name", "driver");
}

std::string& TraceWriter::begin(char phase, std::int64_t at, std::uint64_t process, std::uint64_t track) {
  std::string& out = file_.buffer();
  out += first_ ? "\n" : ",\n";
  first_ = false;
  fmt::format_to(std::back_inserter(out), "{{\"ph\":\"{}\",\"ts\":{},\"pid\":{},\"tid\":{}", phase, at, process, track);
  return out;
}

void TraceWriter::name_track(std::uint64_t process, std::uint64_t track, std::string_view kind, std::string_view name) {
  std::string& out = begin('M', 0, process, track);
  append_string(out, "name", kind);
  out += ",\"args\":{\"name\":";
  append_json_string(out, name);
  out += "}}";
}

void TraceWriter::settled(const StageRow& stage, const AttemptRow& attempt) {
  const std::uint64_t process = process_of(attempt.executor);
  for (std::uint32_t& named = tracks_named_[process]; named <= attempt.slot; ++named) {
    name_track(process, track_of(named), "thread_name", fmt::format("slot {}", named + 1));
  }
  std::string& out = begin('X', attempt.started, process, track_of(attempt.slot));
  append_number(out, "dur", attempt.duration());
  append_string(out, "name", stage.name);
  append_string(out, "cat", name(attempt.state));
  out += ",\"args\":{\"outcome\":";
  append_json_string(out, attempt.again ? "counted again: its first output was lost" : name(attempt.state));
  if (attempt.state == AttemptState::failed) append_string(out, "cause", millrace::name(attempt.cause));
  append_number(out, "job", stage.job.value);
  append_number(out, "stage", stage.id.value);
  append_number(out, "partition", attempt.partition.value);
  append_number(out, "attempt", attempt.number);
  append_number(out, "backup", attempt.backup);
  append_number(out, "waited_us", attempt.started - attempt.launched);
  append_number(out, "cpu_us", attempt.cpu);
  append_number(out, "records_in", attempt.records_in);
  append_number(out, "records_out", attempt.records_out);
  append_number(out, "bytes_in", attempt.bytes_in);
  append_number(out, "bytes_out", attempt.bytes_out);
  append_number(out, "spilled_bytes", attempt.spilled_bytes);
  append_number(out, "peak_memory", attempt.peak_memory);
  out += "}}";
}

void TraceWriter::instant(std::int64_t at, const AttemptId& id, std::string_view what, std::string_view message) {
  const auto live = model_.running().find(id);
  if (live == model_.running().end()) return;
  const AttemptRow& attempt = live->second.row;
  std::string& out = begin('i', at, process_of(attempt.executor), track_of(attempt.slot));
  append_string(out, "s", "t");
  append_string(out, "name", fmt::format("{}: stage {} task {}", what, id.stage, id.partition));
  out += ",\"args\":{\"message\":";
  append_json_string(out, message);
  out += "}}";
}

void TraceWriter::write_span(std::string_view category, const std::string& name, std::int64_t from, std::int64_t to) {
  const std::string id = fmt::format("{}", spans_++);
  for (const char phase : {'b', 'e'}) {
    std::string& out = begin(phase, phase == 'b' ? from : to, driver, 0);
    append_string(out, "cat", category);
    append_string(out, "id", id);
    append_string(out, "name", name);
    out += '}';
  }
}

void TraceWriter::write_job(JobId id) {
  const auto found = model_.jobs().find(id);
  if (found == model_.jobs().end()) return;
  const JobRow& job = found->second;
  write_span("job", fmt::format("job {} {}: {}", id, job.name, name(job.state)), job.submitted,
             job.submitted + job.elapsed(model_.now()));
  for (const StageRow& stage : job.stages) {
    if (stage.started == not_yet) continue;
    write_span("stage", fmt::format("stage {} {}", stage.id, stage.name), stage.started,
               stage.started + stage.elapsed(model_.now()));
  }
}

void TraceWriter::write_counter(bool at_once) {
  const std::int64_t now = model_.now();
  const std::size_t running = model_.running().size();
  const bool due = counted_at_ == not_yet || running_since_ >= counted_at_ + counter_interval || at_once;
  if (running_ != counted_ && due && (now > running_since_ || at_once)) {
    std::string& out = begin('C', running_since_, driver, 0);
    append_string(out, "name", "running tasks");
    fmt::format_to(std::back_inserter(out), ",\"args\":{{\"running\":{}}}}}", running_);
    counted_ = running_;
    counted_at_ = running_since_;
  }
  if (running == running_) return;
  running_ = running;
  running_since_ = now;
}

void TraceWriter::on(const Logged& record) {
  if (!file_.open()) return;
  // What happened to an attempt is written while the model still knows where it runs.
  const std::int64_t at = record.at.microseconds;
  if (const auto* failed = std::get_if<sched::TaskFailed>(&record.value)) {
    const std::string what = fmt::format("failed ({})", millrace::name(failed->failure.cause));
    instant(at, failed->attempt, what, failed->failure.message);
  } else if (const auto* killed = std::get_if<sched::KillTask>(&record.value)) {
    instant(at, killed->attempt, "told to stop", killed->reason);
  }
  model_.on(record);
  if (const auto* added = std::get_if<sched::ExecutorAdded>(&record.value)) {
    name_track(process_of(added->executor), 0, "process_name",
               fmt::format("executor {} ({})", added->executor, added->host));
  } else if (const auto* lost = std::get_if<sched::ExecutorLost>(&record.value)) {
    std::string& out = begin('i', at, process_of(lost->executor), 0);
    append_string(out, "s", "p");
    append_string(out, "name", "executor lost: " + lost->reason);
    out += '}';
  } else if (const auto* aside = std::get_if<sched::ExecutorSetAside>(&record.value)) {
    std::string& out = begin('i', at, process_of(aside->executor), 0);
    append_string(out, "s", "p");
    append_string(out, "name", "executor set aside: " + aside->reason);
    out += '}';
  } else if (const auto* succeeded = std::get_if<sched::JobSucceeded>(&record.value)) {
    write_job(succeeded->job);
  } else if (const auto* ended = std::get_if<sched::JobFailed>(&record.value)) {
    write_job(ended->job);
  }
  write_counter(false);
  file_.flush_if_large();
}

void TraceWriter::close() {
  if (file_.open()) {
    for (const auto& [id, job] : model_.jobs()) {
      if (job.state == JobProgress::running) write_job(id);
    }
    write_counter(true);
    file_.buffer() += "\n]\n";
  }
  file_.close();
}

}  // namespace millrace::observe
