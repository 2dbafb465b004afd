#include "observe/report_html.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fmt/format.h>
#include <string_view>
#include <utility>
#include <vector>

#include "observe/findings.h"
#include "observe/page/page.h"
#include "observe/page_data.h"
#include "observe/quantities.h"
#include "observe/report.h"

namespace millrace::observe {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char character : text) {
    switch (character) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += character;
    }
  }
  return out;
}

std::string bytes_of(std::uint64_t bytes) { return bytes_text(static_cast<double>(bytes)); }

std::string section(const char* id, const char* title, const std::string& content) {
  return fmt::format("<section aria-labelledby=\"{}\">\n<h2 id=\"{}\">{}</h2>\n{}</section>\n", id, id, title, content);
}

std::string page_head(const RunModel& model) {
  const RunStarted& run = model.run();
  const std::string command = run.command.empty() ? "Millrace run" : run.command;
  const std::string state = run_state(model);
  std::string html =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'\">\n";
  html += fmt::format("<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n", escaped(command), report_style);
  html +=
      fmt::format("<header>\n<p class=\"brand\">Millrace run report</p>\n<h1><code>{}</code></h1>\n<p class=\"facts\">",
                  escaped(command));
  html += fmt::format("<span class=\"badge {0}\">{0}</span>", state);
  html += fmt::format("<span>{}</span>", duration_text(model.now()));
  if (run.unix_microseconds > 0) html += fmt::format("<span>{}</span>", date_text(run.unix_microseconds));
  if (!run.host.empty()) html += fmt::format("<span>{}, {} cores</span>", escaped(run.host), run.cores);
  html += "</p>\n";
  if (model.end() && !model.end()->message.empty()) {
    html += fmt::format("<p class=\"error\">{}</p>\n", escaped(model.end()->message));
  }
  return html + "</header>\n<main>\n";
}

std::string card(const char* title, const std::string& value, const std::string& more) {
  return fmt::format("<div><dt>{}</dt><dd>{}{}</dd></div>\n", title, value,
                     more.empty() ? "" : "<small>" + more + "</small>");
}

std::string summary(const RunModel& model) {
  const sched::TaskMetrics totals = model.totals();
  std::uint64_t tasks = 0, attempts = 0, failed = 0;
  for (const auto& [id, job] : model.jobs()) {
    for (const StageRow& stage : job.stages) {
      tasks += stage.done - stage.done_before;
      attempts += stage.launched;
      failed += stage.failed + stage.lost;
    }
  }
  const double seconds = static_cast<double>(model.now()) / 1e6;
  const SlotTime slots = model.slot_time();
  std::string html = "<dl class=\"cards\">\n";
  html += card("Elapsed", duration_text(model.now()),
               fmt::format("{} with no task", duration_text(model.now() - model.time_with_tasks())));
  html += card("Tasks", count_text(tasks),
               fmt::format("{} attempts, {} failed or lost", count_text(attempts), count_text(failed)));
  html += card("Read", bytes_of(totals.bytes_in), rate_text(static_cast<double>(totals.bytes_in), seconds));
  html += card("Written", bytes_of(totals.bytes_out), rate_text(static_cast<double>(totals.bytes_out), seconds));
  html += card("Shuffled", bytes_of(totals.shuffle_bytes_written), bytes_of(totals.shuffle_bytes_read) + " read back");
  html += card("Spilled", bytes_of(totals.spilled_bytes), count_text(totals.spills) + " spills");
  html += card("Largest task", bytes_of(totals.peak_memory), "of memory");
  html += card("Slots computing", percent_text(slots.cpu, slots.total),
               "of " + duration_text(static_cast<std::int64_t>(slots.total)) + " slot time");
  return html + "</dl>\n";
}

std::string findings_list(const RunModel& model) {
  const std::vector<std::string> found = findings(model);
  if (found.empty()) return "<p class=\"quiet\">Nothing: even stages, no spills, no repeated work.</p>\n";
  std::string html = "<ul class=\"findings\">\n";
  for (const std::string& each : found) html += "<li>" + escaped(each) + "</li>\n";
  return html + "</ul>\n";
}

std::string time_bar(const RunModel& model) {
  const SlotTime time = model.slot_time();
  struct Part {
    const char* style;
    const char* text;
    double time;
  };
  const std::array<Part, 4> parts = {{{"compute", "Computing", time.cpu},
                                      {"wait", "Waiting for disk, memory, locks or the processor", time.waiting},
                                      {"waste", "Attempts that do not count: failed, lost, stopped", time.wasted},
                                      {"idle", "Slots without a task", time.idle}}};
  std::string bar = "<div class=\"stack\" aria-hidden=\"true\">";
  std::string table =
      "<table class=\"narrow\"><thead><tr><th scope=\"col\">Slot time</th><th scope=\"col\" class=\"n\">Share</th>"
      "<th scope=\"col\" class=\"n\">Time</th></tr></thead><tbody>\n";
  for (const Part& part : parts) {
    if (time.total > 0 && part.time > 0) {
      bar += fmt::format("<i class=\"{}\" style=\"width:{:.2f}%\"></i>", part.style, 100 * part.time / time.total);
    }
    table += fmt::format(
        "<tr><td><span class=\"key {}\"></span>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
        part.style, part.text, percent_text(part.time, time.total),
        duration_text(static_cast<std::int64_t>(part.time)));
  }
  return bar + "</div>\n" + table + "</tbody></table>\n";
}

// How many tasks took how long, in equal steps up to the longest.
std::string histogram(const StageRow& stage, const Spread& time) {
  constexpr std::size_t bins = 20;
  std::array<std::size_t, bins> counts{};
  std::size_t most = 0;
  for (const AttemptRow& attempt : stage.attempts) {
    if (attempt.state != AttemptState::counted || time.most <= 0) continue;
    const auto bin = static_cast<std::size_t>(static_cast<double>(attempt.duration()) / time.most * (bins - 1) + 0.5);
    most = std::max(most, ++counts[std::min(bin, bins - 1)]);
  }
  if (most == 0) return "";
  std::string svg = "<svg class=\"hist\" width=\"80\" height=\"22\" viewBox=\"0 0 80 22\" aria-hidden=\"true\">";
  for (std::size_t bin = 0; bin < bins; ++bin) {
    if (counts[bin] == 0) continue;
    const double height = 1.5 + 20.5 * static_cast<double>(counts[bin]) / static_cast<double>(most);
    svg += fmt::format("<rect x=\"{}\" y=\"{:.1f}\" width=\"3\" height=\"{:.1f}\"/>", bin * 4, 22 - height, height);
  }
  return svg + "</svg>";
}

std::string cell(const std::string& content) { return "<td class=\"n\">" + content + "</td>"; }

// Two figures of one kind, the second below the first.
std::string pair_cell(const std::string& first, const std::string& second, bool first_hot = false,
                      bool second_hot = false) {
  return fmt::format("<td class=\"n\"><span{}>{}</span><span class=\"under{}\">{}</span></td>",
                     first_hot ? " class=\"hot\"" : "", first, second_hot ? " hot" : "", second);
}

std::string stage_cells(const StageRow& stage, const RunModel& model, std::size_t colour) {
  const Spread time = spread_of_time(stage);
  const Spread bytes = spread_of_bytes(stage);
  const double end = std::max<double>(static_cast<double>(model.now()), 1);
  const std::uint64_t failed = stage.failed + stage.lost;
  std::string html = fmt::format(
      "<td><span class=\"when\"><i style=\"left:{:.2f}%;width:{:.2f}%;background:var(--s{})\"></i></span></td>",
      100 * static_cast<double>(stage.started) / end, 100 * static_cast<double>(stage.elapsed(model.now())) / end,
      colour % 8);
  html += cell(duration_text(stage.elapsed(model.now())));
  html += pair_cell(duration_text(static_cast<std::int64_t>(time.median)),
                    duration_text(static_cast<std::int64_t>(time.most)));
  html += pair_cell(ratio_text(time.skew()), ratio_text(bytes.skew()), time.skew() >= 3, bytes.skew() >= 3);
  html += "<td>" + histogram(stage, time) + "</td>";
  html += pair_cell(count_text(stage.totals.records_in), count_text(stage.totals.records_out));
  html += pair_cell(bytes_of(stage.totals.bytes_in), bytes_of(stage.totals.bytes_out));
  html += pair_cell(bytes_of(stage.totals.shuffle_bytes_read), bytes_of(stage.totals.shuffle_bytes_written));
  html += stage.totals.spills == 0 ? cell("0")
                                   : pair_cell(count_text(stage.totals.spills), bytes_of(stage.totals.spilled_bytes));
  html += fmt::format("<td class=\"n{}\">{}</td>", failed > 0 ? " hot" : "", count_text(failed));
  return html;
}

// A column's title, and that of the figures in its second lines.
struct Title {
  const char* text;
  const char* under;
  bool number;
};

std::string stage_table(const JobRow& job, const RunModel& model, std::size_t& colour) {
  std::string html = "<div class=\"scroll\"><table><thead><tr>";
  static constexpr std::array<Title, 14> titles = {{{"Stage", "", false},
                                                    {"Operations", "", false},
                                                    {"State", "", false},
                                                    {"Tasks", "", true},
                                                    {"When", "", false},
                                                    {"Elapsed", "", true},
                                                    {"Median task", "longest", true},
                                                    {"Time skew", "byte skew", true},
                                                    {"Task times", "", false},
                                                    {"Records in", "out", true},
                                                    {"Bytes read", "written", true},
                                                    {"Shuffle read", "written", true},
                                                    {"Spills", "bytes", true},
                                                    {"Failed", "", true}}};
  for (const Title& title : titles) {
    html += fmt::format("<th scope=\"col\"{}>{}", title.number ? " class=\"n\"" : "", title.text);
    if (*title.under != 0) html += fmt::format("<br><span class=\"lower\">{}</span>", title.under);
    html += "</th>";
  }
  html += "</tr></thead><tbody>\n";
  for (const StageRow& stage : job.stages) {
    html += fmt::format("<tr><th scope=\"row\">{}</th><td class=\"wide\">{}</td><td class=\"{}\">{}</td>", stage.id,
                        escaped(stage.name), name(stage.state), name(stage.state));
    html += cell(stage.done == stage.tasks ? count_text(stage.tasks)
                                           : fmt::format("{} of {}", count_text(stage.done), count_text(stage.tasks)));
    html += stage.started == not_yet
                ? fmt::format("<td colspan=\"10\" class=\"skipped\">{}</td>", escaped(stage.reason))
                : stage_cells(stage, model, colour);
    html += "</tr>\n";
    ++colour;
  }
  return html + "</tbody></table></div>\n";
}

std::string job_details(const JobRow& job, const RunModel& model, bool open, std::size_t& colour) {
  std::string html =
      fmt::format("<details class=\"job\"{}><summary>Job {}: {} <span class=\"{}\">{}</span> in {}</summary>\n",
                  open ? " open" : "", job.id, escaped(job.name), name(job.state), name(job.state),
                  duration_text(job.elapsed(model.now())));
  if (job.state == JobProgress::failed) {
    html += fmt::format("<p class=\"error\">{}: {}</p>\n", millrace::name(job.cause), escaped(job.reason));
  }
  if (!job.plan.inputs.empty()) {
    double bytes = 0;
    for (const InputFact& input : job.plan.inputs) bytes += static_cast<double>(input.bytes);
    html += fmt::format("<p class=\"quiet\">Input: {} files, {}, <code>{}</code>{}</p>\n",
                        count_text(job.plan.inputs.size()), bytes_text(bytes), escaped(job.plan.inputs.front().path),
                        job.plan.inputs.size() > 1 ? " and more" : "");
  }
  if (!job.plan.output.empty())
    html += fmt::format("<p class=\"quiet\">Output: <code>{}</code></p>\n", escaped(job.plan.output));
  html += stage_table(job, model, colour);
  if (!job.plan.plan.empty()) {
    html += "<details class=\"plan\"><summary>Plan and lineage</summary><pre>" + escaped(job.plan.plan) +
            "</pre></details>\n";
  }
  return html + "</details>\n";
}

std::string job_list(const RunModel& model) {
  constexpr std::size_t few = 4;
  std::string html;
  std::size_t colour = 0;
  for (const auto& [id, job] : model.jobs()) {
    const bool open = model.jobs().size() <= few || job.state == JobProgress::failed;
    html += job_details(job, model, open, colour);
  }
  return html;
}

std::string timeline(const RunModel& model) {
  std::string html =
      "<p class=\"quiet\">One lane an executor, one row a slot. Red is an attempt that failed or was lost, grey one "
      "that "
      "was stopped or came too late. Drag to zoom, double-click for the whole run; with the keyboard, plus, minus and "
      "the "
      "arrows.</p>\n";
  if (page_data_is_a_sample(model)) {
    html +=
        "<p class=\"quiet\">There are too many tasks to draw them all: of those that counted it shows a sample.</p>\n";
  }
  return html +
         "<div class=\"tools\"></div>\n<div class=\"timeline\" tabindex=\"0\" role=\"img\" aria-label=\"Timeline of "
         "task "
         "attempts by executor; the slowest ones are in the table below\"><canvas></canvas></div>\n<div class=\"tip\" "
         "hidden></div>\n";
}

std::string slowest_tasks(const RunModel& model) {
  struct Slow {
    const StageRow* stage;
    const AttemptRow* attempt;
  };
  std::vector<Slow> slow;
  for (const auto& [id, job] : model.jobs()) {
    for (const StageRow& stage : job.stages) {
      for (const AttemptRow& attempt : stage.attempts) slow.push_back({&stage, &attempt});
    }
  }
  const auto shown = std::min<std::size_t>(slow.size(), 10);
  const auto longer = [](const Slow& left, const Slow& right) {
    return left.attempt->duration() > right.attempt->duration();
  };
  std::stable_sort(slow.begin(), slow.end(), longer);
  std::string html =
      "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Task</th><th scope=\"col\">Operations</th><th "
      "scope=\"col\">Executor</th><th scope=\"col\">State</th><th scope=\"col\" class=\"n\">Took</th><th scope=\"col\" "
      "class=\"n\">Processor</th><th scope=\"col\" class=\"n\">Records in</th><th scope=\"col\" "
      "class=\"n\">Read</th><th "
      "scope=\"col\" class=\"n\">Spilled</th><th scope=\"col\" class=\"n\">Memory</th></tr></thead><tbody>\n";
  for (std::size_t i = 0; i < shown; ++i) {
    const AttemptRow& attempt = *slow[i].attempt;
    html += fmt::format(
        "<tr><td>stage {} task {} <span class=\"sub\">attempt {}</span></td><td "
        "class=\"wide\">{}</td><td>{}</td><td>{}</td>",
        slow[i].stage->id, attempt.partition, attempt.number, escaped(slow[i].stage->name), attempt.executor,
        name(attempt.state));
    html += cell(duration_text(attempt.duration())) + cell(duration_text(attempt.cpu)) +
            cell(count_text(attempt.records_in)) + cell(bytes_of(attempt.bytes_in)) +
            cell(bytes_of(attempt.spilled_bytes)) + cell(bytes_of(attempt.peak_memory)) + "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string failure_table(const RunModel& model) {
  constexpr std::size_t most = 200;
  std::string rows;
  for (const auto& [id, executor] : model.executors()) {
    if (executor.lost == not_yet || executor.lost_reason.empty()) continue;
    rows += fmt::format(
        "<tr><td class=\"n\">{}</td><td>executor {} was lost</td><td>{}</td><td>lost_node</td><td "
        "class=\"wide\">{}</td></tr>\n",
        duration_text(executor.lost), id, escaped(executor.host), escaped(executor.lost_reason));
  }
  for (std::size_t i = 0; i < std::min(most, model.failures().size()); ++i) {
    const FailureRow& failure = model.failures()[i];
    rows += fmt::format(
        "<tr><td class=\"n\">{}</td><td>stage {} task {} <span class=\"sub\">attempt {}</span></td><td>executor "
        "{}</td><td>{}</td><td class=\"wide\">{}</td></tr>\n",
        duration_text(failure.at), failure.attempt.stage, failure.attempt.partition, failure.attempt.number,
        failure.executor, millrace::name(failure.cause), escaped(failure.message));
  }
  if (rows.empty()) return "<p class=\"quiet\">None.</p>\n";
  std::string html =
      "<div class=\"scroll\"><table><thead><tr><th scope=\"col\" class=\"n\">At</th><th scope=\"col\">What</th><th "
      "scope=\"col\">Where</th><th scope=\"col\">Cause</th><th scope=\"col\">Message</th></tr></thead><tbody>\n" +
      rows + "</tbody></table></div>\n";
  if (model.failure_count() > most) {
    html +=
        fmt::format("<p class=\"quiet\">The first {} of {} failures.</p>\n", most, count_text(model.failure_count()));
  }
  return html;
}

std::string pair_table(const char* left, const char* right,
                       const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string html = fmt::format(
      "<table class=\"narrow\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\" "
      "class=\"n\">{}</th></tr></thead><tbody>\n",
      left, right);
  for (const auto& [key, value] : rows) html += "<tr><td>" + escaped(key) + "</td>" + cell(escaped(value)) + "</tr>\n";
  return html + "</tbody></table>\n";
}

std::string counters(const RunModel& model) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [name, value] : model.totals().counters) rows.emplace_back(name, signed_count_text(value));
  return rows.empty() ? "" : section("counters", "Counters", pair_table("Counter", "Value", rows));
}

std::string circumstances(const RunModel& model) {
  const RunStarted& run = model.run();
  std::vector<std::pair<std::string, std::string>> rows(run.options.begin(), run.options.end());
  if (!run.processor.empty()) rows.emplace_back("processor", run.processor);
  if (run.memory_bytes > 0) rows.emplace_back("machine's memory", bytes_of(run.memory_bytes));
  if (!run.version.empty()) rows.emplace_back("Millrace", run.version);
  return rows.empty() ? "" : section("options", "Options and machine", pair_table("Name", "Value", rows));
}

}  // namespace

std::string render_html(const RunModel& model) {
  std::string html = page_head(model);
  html += section("summary", "Summary", summary(model));
  html += section("findings", "What stands out", findings_list(model));
  html += section("time", "Where the time went", time_bar(model));
  html += section("jobs", model.jobs().size() == 1 ? "Stages" : "Jobs and stages", job_list(model));
  html += section("timeline", "Timeline", timeline(model));
  html += section("slowest", "Slowest attempts", slowest_tasks(model));
  html += section("failures", "Failures", failure_table(model));
  html += counters(model);
  html += circumstances(model);
  html += "</main>\n<footer><p>Made by Millrace from the run's event log.</p></footer>\n";
  html += "<script type=\"application/json\" id=\"run-data\">" + page_data(model) + "</script>\n";
  return html + "<script>\n" + report_script + "</script>\n</body>\n</html>\n";
}

}  // namespace millrace::observe
