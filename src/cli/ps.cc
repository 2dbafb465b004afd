#include <chrono>
#include <ctime>
#include <fmt/format.h>
#include <iostream>
#include <map>
#include <sstream>
#include <unistd.h>

#include <millrace/error.h>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/local_runs.h"
#include "cli/slurm_client.h"
#include "observe/quantities.h"
#include "observe/text_table.h"

namespace millrace::cli {
namespace {

using Align = observe::TextTable::Align;

struct Row {
  std::vector<std::string> cells;
  std::vector<std::string> remarks;  // lines below it
};

std::string since(std::int64_t started) {
  constexpr std::int64_t second = 1'000'000;
  return observe::duration_text(std::max<std::int64_t>(std::time(nullptr) - started, 0) * second);
}

Row row_of(const LocalRun& run) {
  std::string state = run.stopped ? "stopped" : run.jobs == 0 ? "between jobs" : "running";
  if (!run.stopped && run.jobs > 1) state += fmt::format(" {} jobs", run.jobs);
  const std::string tasks =
      run.tasks == 0 ? "" : fmt::format("{} of {}", observe::count_text(run.done), observe::count_text(run.tasks));
  Row row{{run.name, "this machine", state, tasks, std::to_string(run.executors), since(run.started), run.command}, {}};
  const auto remark = [&](const char* what, const std::string& text) {
    if (!text.empty()) row.remarks.push_back(fmt::format("{}: {}", what, text));
  };
  remark("in", run.directory);
  remark("job", run.job);
  remark("page", run.page);
  remark("event log", run.events);
  remark("standard output", file_behind(run.pid, STDOUT_FILENO));
  remark("standard error", file_behind(run.pid, STDERR_FILENO));
  return row;
}

// Fields that squeue prints between these cannot hold it.
constexpr char separator = '|';

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> out;
  std::istringstream text(line);
  for (std::string field; std::getline(text, field, separator);) out.push_back(field);
  return out;
}

/// The lines of squeue(1); nothing when there is no Slurm here, or (said on standard error) it does not answer.
std::vector<std::vector<std::string>> queue(const std::vector<std::string>& what, std::size_t columns) {
  std::vector<std::string> words = {"squeue", "-h", fmt::format("--user={}", geteuid())};
  words.insert(words.end(), what.begin(), what.end());
  const ProgramResult seen = run_program(words);
  std::vector<std::vector<std::string>> out;
  if (seen.status == 127) return out;
  if (seen.status != 0) {
    std::cerr << "millrace ps: Slurm does not say what runs: " << seen.output.substr(0, seen.output.find('\n')) << '\n';
    return out;
  }
  std::istringstream lines(seen.output);
  for (std::string line; std::getline(lines, line);) {
    if (auto fields = fields_of(line); fields.size() == columns) out.push_back(std::move(fields));
  }
  return out;
}

/// Jobs of `millrace submit`, with the executors that they have asked for, and steps that run millrace in other jobs.
std::vector<Row> slurm_rows() {
  constexpr std::string_view executor_prefix = "millrace-executor-";
  std::vector<Row> out;
  std::map<std::string, std::size_t> rows;                    // by job
  std::map<std::string, std::pair<unsigned, unsigned>> more;  // by the driver's job: there, waiting
  const auto jobs = queue({"-r", "-o", "%i|%T|%M|%D|%R|%j"}, 6);
  for (const auto& job : jobs) {
    const std::string& name = job[5];
    if (name.starts_with(executor_prefix)) {
      auto& [there, waiting] = more[name.substr(executor_prefix.size(), name.find('.') - executor_prefix.size())];
      ++(job[1] == "RUNNING" ? there : waiting);
    } else if (name.starts_with(slurm_job_prefix)) {
      rows[job[0]] = out.size();
      out.push_back({{slurm_name(job[0]), job[4], job[1], "", job[3] + (job[3] == "1" ? " node" : " nodes"), job[2],
                      name.substr(std::string_view(slurm_job_prefix).size())},
                     {}});
    }
  }
  if (jobs.empty()) return out;
  for (const auto& step : queue({"--steps", "-o", "%i|%M|%N|%j"}, 4)) {
    const std::string job = step[0].substr(0, step[0].find('.'));
    if (step[3] != "millrace" || rows.contains(job)) continue;
    rows[job] = out.size();
    out.push_back({{slurm_name(job), step[2], "RUNNING", "", "", step[1], "millrace, as step " + step[0]}, {}});
  }
  for (const auto& [job, executors] : more) {
    const auto row = rows.find(job);
    if (row == rows.end()) continue;
    out[row->second].remarks.push_back(
        fmt::format("executors added: {} there, {} waiting", executors.first, executors.second));
  }
  return out;
}

}  // namespace

int run_ps(const Invocation& invocation) {
  CommandLine line(
      "Lists the runs of this user: those on this machine with their tasks, executors, page and files, and through\n"
      "Slurm, where there is one, jobs of millrace submit and steps that run millrace. RUN is for millrace logs and "
      "kill");
  if (!line.parse(invocation)) return 0;
  std::vector<Row> rows;
  for (const LocalRun& run : local_runs()) rows.push_back(row_of(run));
  for (Row& row : slurm_rows()) rows.push_back(std::move(row));
  observe::TextTable table(
      {"RUN", "WHERE", "STATE", "TASKS", "EXECUTORS", "SINCE", "COMMAND"},
      {Align::left, Align::left, Align::left, Align::right, Align::right, Align::right, Align::left});
  for (const Row& row : rows) table.add(row.cells);
  // What belongs to a run stands below its line.
  std::istringstream lines(table.text(""));
  std::string text;
  std::getline(lines, text);
  std::cout << text << '\n';
  for (const Row& row : rows) {
    std::getline(lines, text);
    std::cout << text << '\n';
    for (const std::string& remark : row.remarks) std::cout << "    " << remark << '\n';
  }
  return 0;
}

}  // namespace millrace::cli
