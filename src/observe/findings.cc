#include "observe/findings.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "observe/quantities.h"

namespace millrace::observe {
namespace {

using Cost = double;  // microseconds that could be saved, roughly: the order of the findings
using Finding = std::pair<Cost, std::string>;

constexpr double uneven = 3;                    // longest task over median
constexpr std::int64_t worth_a_look = 200'000;  // microseconds

const AttemptRow* longest(const StageRow& stage) {
  const AttemptRow* longest = nullptr;
  for (const AttemptRow& attempt : stage.attempts) {
    if (attempt.state != AttemptState::counted) continue;
    if (longest == nullptr || attempt.duration() > longest->duration()) longest = &attempt;
  }
  return longest;
}

void find_uneven(const StageRow& stage, std::int64_t now, std::vector<Finding>& found) {
  const Spread time = spread_of_time(stage);
  const AttemptRow* task = longest(stage);
  const double cost = time.most - time.median;
  if (task == nullptr || time.skew() < uneven || cost < worth_a_look) return;
  if (cost < 0.05 * static_cast<double>(stage.elapsed(now))) return;  // the others had enough to do meanwhile
  const Spread bytes = spread_of_bytes(stage);
  std::string text = fmt::format("Stage {} ({}) is uneven: task {} took {}, {} the median", stage.id, stage.name,
                                 task->partition, duration_text(task->duration()), ratio_text(time.skew()));
  const auto read = static_cast<double>(task->bytes_in);
  if (bytes.median > 0 && read > bytes.median * uneven) {
    text += fmt::format(", because it read {}, {} the median: a few keys hold much of the data", bytes_text(read),
                        ratio_text(read / bytes.median));
  } else {
    text += ", though it read no more than others: look at its records or its executor";
  }
  found.emplace_back(cost, text + ".");
}

void find_spills(const StageRow& stage, std::vector<Finding>& found) {
  const auto spilled = static_cast<double>(stage.totals.spilled_bytes);
  if (stage.totals.spills == 0) return;
  found.emplace_back(spilled / 200.0,  // a disk of 200 MB/s
                     fmt::format("Stage {} ({}) spilled {} in {} {}: more --memory, or more tasks, would save that.",
                                 stage.id, stage.name, bytes_text(spilled), count_text(stage.totals.spills),
                                 stage.totals.spills == 1 ? "spill" : "spills"));
}

void find_repeated(const StageRow& stage, std::vector<Finding>& found) {
  if (stage.wasted_time < worth_a_look) return;
  std::vector<std::string> why;
  if (stage.failed > 0) why.push_back(fmt::format("{} attempts failed", count_text(stage.failed)));
  if (stage.lost > 0) why.push_back(fmt::format("{} were on executors that were lost", count_text(stage.lost)));
  if (stage.killed > 0) why.push_back(fmt::format("{} were stopped", count_text(stage.killed)));
  if (stage.surplus > 0) why.push_back(fmt::format("{} came too late", count_text(stage.surplus)));
  std::string reasons;
  for (const std::string& each : why) reasons += (reasons.empty() ? "" : ", ") + each;
  found.emplace_back(static_cast<double>(stage.wasted_time),
                     fmt::format("Stage {} ({}) spent {} of task time on attempts that do not count: {}.", stage.id,
                                 stage.name, duration_text(stage.wasted_time), reasons));
}

void find_backups(const StageRow& stage, std::vector<Finding>& found) {
  std::uint64_t backups = 0;
  std::uint64_t first = 0;
  std::int64_t time = 0;
  for (const AttemptRow& attempt : stage.attempts) {
    if (!attempt.backup) continue;
    ++backups;
    first += attempt.state == AttemptState::counted ? 1 : 0;
    time += attempt.duration();
  }
  if (backups == 0) return;
  found.emplace_back(static_cast<double>(time),
                     fmt::format("Stage {} ({}) had {} backups of slow tasks, of which {} came first: look at the "
                                 "executors of the slow ones.",
                                 stage.id, stage.name, count_text(backups), count_text(first)));
}

void find_adopted(const StageRow& stage, std::vector<Finding>& found) {
  if (stage.adopted == 0) return;
  // It explains the times of the others.
  found.emplace_back(1e17, fmt::format("Stage {} ({}) adopted {} attempts that an earlier driver of the run had "
                                       "launched: their times are counted from then on.",
                                       stage.id, stage.name, count_text(stage.adopted)));
}

void find_skipped_records(const StageRow& stage, std::vector<Finding>& found) {
  if (stage.totals.skipped_records == 0) return;
  // It says something about the answer, not about time: first of all.
  found.emplace_back(1e18, fmt::format("Stage {} ({}) left out {} bad records.", stage.id, stage.name,
                                       count_text(stage.totals.skipped_records)));
}

void find_idle(const RunModel& model, std::vector<Finding>& found) {
  const SlotTime time = model.slot_time();
  std::uint64_t slots = 0;
  for (const auto& [id, executor] : model.executors()) slots += executor.slots;
  if (slots == 0 || time.idle < 0.3 * time.total || time.idle < 2.0 * worth_a_look) return;
  const auto slot_idle = static_cast<std::int64_t>(time.idle / static_cast<double>(slots));
  found.emplace_back(
      static_cast<double>(slot_idle),
      fmt::format("Slots had no task for {} of their time: too few tasks in a stage, a long last task, or "
                  "work in the driver ({} with no task at all).",
                  percent_text(time.idle, time.total), duration_text(model.now() - model.time_with_tasks())));
}

void find_waiting(const RunModel& model, std::vector<Finding>& found) {
  const SlotTime time = model.slot_time();
  if (time.waiting < 0.5 * time.total || time.waiting < 2.0 * worth_a_look) return;
  found.emplace_back(time.waiting,
                     fmt::format("Tasks waited for {} of the slot time: for the disk, for memory, or because other "
                                 "programs used the processors.",
                                 percent_text(time.waiting, time.total)));
}

}  // namespace

std::vector<std::string> findings(const RunModel& model) {
  std::vector<Finding> found;
  for (const auto& [id, job] : model.jobs()) {
    for (const StageRow& stage : job.stages) {
      find_uneven(stage, model.now(), found);
      find_spills(stage, found);
      find_repeated(stage, found);
      find_backups(stage, found);
      find_adopted(stage, found);
      find_skipped_records(stage, found);
    }
  }
  find_idle(model, found);
  find_waiting(model, found);
  std::stable_sort(found.begin(), found.end(),
                   [](const Finding& left, const Finding& right) { return left.first > right.first; });
  std::vector<std::string> texts;
  for (Finding& each : found) texts.push_back(std::move(each.second));
  return texts;
}

}  // namespace millrace::observe
