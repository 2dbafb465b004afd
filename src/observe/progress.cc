#include "observe/progress.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <variant>

#include "observe/progress_line.h"
#include "observe/quantities.h"

namespace millrace::observe {
namespace {

constexpr std::size_t most_live_lines = 12;

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = environment(name);
    if (*value != 0) return std::strstr(value, "UTF-8") != nullptr || std::strstr(value, "utf8") != nullptr;
  }
  return false;
}

void write_to_stderr(std::string_view text) {
  while (!text.empty()) {
    const ::ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;  // progress that nobody can see is not worth a failure
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// How much of the stage is done, by bytes where its input is known, else by tasks.
double fraction_done(const StageRow& stage) {
  const auto tasks = static_cast<double>(stage.tasks - stage.done_before);
  double fraction = tasks > 0 ? static_cast<double>(stage.done - stage.done_before) / tasks : 1;
  const std::uint64_t bytes = stage.totals.bytes_in + stage.live_bytes;
  if (stage.input_bytes > 0 && stage.done_before == 0 && bytes > 0 && stage.done < stage.tasks) {
    fraction = static_cast<double>(bytes) / static_cast<double>(stage.input_bytes);
  }
  return std::clamp(fraction, 0.0, 1.0);
}

std::string time_left(const StageRow& stage, std::int64_t now) {
  const double fraction = fraction_done(stage);
  if (fraction <= 0 || fraction >= 1) return "";
  const double left = static_cast<double>(stage.elapsed(now)) * (1 - fraction) / fraction;
  const auto seconds = static_cast<std::int64_t>(std::min(left / 1e6, 359999.0) + 0.5);
  return seconds < 3600 ? fmt::format("{}:{:02}", seconds / 60, seconds % 60)
                        : fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

double bytes_so_far(const StageRow& stage) { return static_cast<double>(stage.bytes_read() + stage.live_bytes); }

std::string rate_of(const StageRow& stage, std::int64_t now) {
  if (bytes_so_far(stage) <= 0) return "";
  return rate_text(bytes_so_far(stage), static_cast<double>(stage.elapsed(now)) / 1e6);
}

std::uint64_t failed_attempts(const StageRow& stage) { return stage.failed + stage.lost; }

std::string repeated(const char* piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

}  // namespace

ProgressOptions progress_on_stderr(std::optional<ProgressMode> mode) {
  ProgressOptions options;
  const bool terminal = ::isatty(STDERR_FILENO) == 1 && std::strcmp(environment("TERM"), "dumb") != 0;
  options.mode = mode.value_or(terminal ? ProgressMode::bar : ProgressMode::none);
  if (options.mode == ProgressMode::bar && !terminal) options.mode = ProgressMode::plain;
  options.colour = terminal && *environment("NO_COLOR") == 0;
  options.unicode = locale_is_utf8();
  options.write = write_to_stderr;
  struct winsize size {};
  if (terminal && ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.columns = size.ws_col;
  return options;
}

Progress::Progress(const RunModel& model, ProgressOptions options) : model_(model), options_(std::move(options)) {}

void Progress::on(const Logged& record) {
  if (options_.mode == ProgressMode::none) return;
  bool now_or_never = false;
  if (const auto* started = std::get_if<sched::StageStarted>(&record.value)) {
    live_.insert({started->job, started->stage});
  } else if (const auto* finished = std::get_if<sched::StageFinished>(&record.value)) {
    if (live_.erase({finished->job, finished->stage}) > 0) ended_.push_back({finished->job, finished->stage});
  } else if (const auto* skipped = std::get_if<sched::StageSkipped>(&record.value)) {
    live_.erase({skipped->job, skipped->stage});
  } else if (const auto* succeeded = std::get_if<sched::JobSucceeded>(&record.value)) {
    end_job(succeeded->job);
    now_or_never = true;
  } else if (const auto* failed = std::get_if<sched::JobFailed>(&record.value)) {
    end_job(failed->job);
    now_or_never = true;
  } else if (std::holds_alternative<RunEnded>(record.value)) {
    live_.clear();
    now_or_never = true;
  }

  const std::int64_t now = record.at.microseconds;
  if (options_.mode == ProgressMode::bar) {
    if (now_or_never || now - last_drawn_ >= options_.bar_interval.microseconds) draw(now);
  } else {
    const bool due = now - last_drawn_ >= options_.plain_interval.microseconds;
    if (due || !ended_.empty()) draw_plain(now, due);
  }
}

void Progress::end_job(JobId job) {
  for (auto key = live_.lower_bound({job, StageId{0}}); key != live_.end() && key->first == job;) {
    ended_.push_back(*key);
    key = live_.erase(key);
  }
}

void Progress::draw(std::int64_t now) {
  std::string screen;
  if (drawn_lines_ > 0) screen += fmt::format("\x1b[{}A", drawn_lines_);
  const auto put = [&](const std::string& line) {
    screen += "\r\x1b[2K";
    screen += line;
    screen += '\n';
  };
  for (const auto& [job, id] : ended_) {
    if (const StageRow* stage = model_.stage(job, id)) put(ended_line(*stage));
  }
  ended_.clear();
  drawn_lines_ = 0;
  for (const auto& [job, id] : live_) {
    const StageRow* stage = model_.stage(job, id);
    if (stage == nullptr) continue;
    if (drawn_lines_ == most_live_lines) {
      put(fmt::format("... and {} more stages", live_.size() - most_live_lines));
      ++drawn_lines_;
      break;
    }
    put(live_line(*stage, now));
    ++drawn_lines_;
  }
  if (!screen.empty()) options_.write(screen + "\x1b[J");
  last_drawn_ = now;
}

void Progress::draw_plain(std::int64_t now, bool with_live) {
  std::string lines;
  for (const auto& [job, id] : ended_) {
    if (const StageRow* stage = model_.stage(job, id)) lines += ended_line(*stage) + '\n';
  }
  ended_.clear();
  if (with_live) {
    for (const auto& [job, id] : live_) {
      if (const StageRow* stage = model_.stage(job, id)) lines += plain_live_line(*stage, now) + '\n';
    }
    last_drawn_ = now;
  }
  if (!lines.empty()) options_.write(lines);
}

std::string Progress::live_line(const StageRow& stage, std::int64_t now) const {
  std::string right = fmt::format("{:>9}", fmt::format("{}/{}", stage.done, stage.tasks));
  right += fmt::format("  {} running", stage.running);
  const std::string failed = failed_attempts(stage) > 0 ? fmt::format("  {} failed", failed_attempts(stage)) : "";
  std::string rest;
  if (bytes_so_far(stage) > 0) {
    rest = fmt::format("  {:>8}  {:>10}", bytes_text(bytes_so_far(stage)), rate_of(stage, now));
  }
  if (const std::string left = time_left(stage, now); !left.empty()) rest += fmt::format("  {} left", left);

  // One column stays free: some terminals wrap after the last one.
  ProgressLine line(std::max(options_.columns, 20u) - 1, options_.colour);
  const std::size_t fixed = columns_of(right) + failed.size() + columns_of(rest);
  const std::size_t room = line.room() > fixed + 4 ? line.room() - fixed - 4 : 0;
  const std::size_t bar = room >= 24 ? std::min<std::size_t>(room / 3, 30) : 0;
  const std::size_t name = std::max<std::size_t>(room - bar, 12);

  line.add_cell(fmt::format("stage {} {}", stage.id, stage.name), name, options_.unicode ? "…" : "..");
  line.add("  ");
  if (bar > 0) {
    const auto full = static_cast<std::size_t>(fraction_done(stage) * static_cast<double>(bar));
    line.add(repeated(options_.unicode ? "━" : "#", full), ProgressLine::Colour::green);
    line.add(repeated(options_.unicode ? "─" : ".", bar - full), ProgressLine::Colour::dim);
    line.add("  ");
  }
  line.add(right);
  line.add(failed, ProgressLine::Colour::red);
  line.add(rest);
  return line.text();
}

std::string Progress::ended_line(const StageRow& stage) const {
  const bool plain = options_.mode == ProgressMode::plain;
  const bool whole = stage.state == StageProgress::finished;
  std::string what = whole ? fmt::format("{} tasks", stage.tasks)
                           : fmt::format("stopped after {} of {} tasks", stage.done, stage.tasks);
  if (failed_attempts(stage) > 0) what += fmt::format(", {} failed attempts", failed_attempts(stage));
  if (stage.made_again > 0) what += fmt::format(", {} made again", stage.made_again);
  if (bytes_so_far(stage) > 0) what += ", " + bytes_text(bytes_so_far(stage));
  what += " in " + duration_text(stage.elapsed(model_.now()));
  if (const std::string rate = rate_of(stage, model_.now()); !rate.empty()) what += ", " + rate;

  const std::string name = fmt::format("stage {} {}", stage.id, stage.name);
  if (plain) return name + ": " + what;
  ProgressLine line(std::max(options_.columns, 20u) - 1, options_.colour);
  const std::size_t room = line.room() > what.size() + 2 ? line.room() - what.size() - 2 : 0;
  line.add_cell(name, std::clamp<std::size_t>(room, 12, std::max<std::size_t>(columns_of(name), 12)),
                options_.unicode ? "…" : "..");
  line.add("  ");
  line.add(what, whole ? ProgressLine::Colour::none : ProgressLine::Colour::red);
  return line.text();
}

std::string Progress::plain_live_line(const StageRow& stage, std::int64_t now) const {
  std::string line = fmt::format("stage {} {}: {}/{} tasks done, {} running", stage.id, stage.name, stage.done,
                                 stage.tasks, stage.running);
  if (failed_attempts(stage) > 0) line += fmt::format(", {} failed", failed_attempts(stage));
  if (bytes_so_far(stage) > 0) {
    line += fmt::format(", {}, {}", bytes_text(bytes_so_far(stage)), rate_of(stage, now));
  }
  if (const std::string left = time_left(stage, now); !left.empty()) line += fmt::format(", {} left", left);
  return line;
}

}  // namespace millrace::observe
