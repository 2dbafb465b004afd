#include "observe/pending.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>

#include "observe/quantities.h"

namespace millrace::observe {
namespace {

struct Slots {
  std::uint64_t all = 0, free = 0;
  std::uint64_t executors = 0, set_aside = 0;
};

Slots slots_of(const RunModel& model) {
  Slots slots;
  for (const auto& [id, executor] : model.executors()) {
    if (executor.lost != not_yet || executor.slots == 0) continue;
    ++slots.executors;
    if (executor.set_aside_until != not_yet) {
      ++slots.set_aside;
      continue;
    }
    if (executor.draining) continue;
    slots.all += executor.slots;
    slots.free += executor.slots - std::min(executor.running, executor.slots);
  }
  return slots;
}

std::string waits_for_parents(const JobRow& job, const StageRow& stage) {
  std::string text;
  for (const StageId parent : stage.parents) {
    const auto found =
        std::find_if(job.stages.begin(), job.stages.end(), [&](const StageRow& each) { return each.id == parent; });
    if (found == job.stages.end() || found->done >= found->tasks) continue;
    text += fmt::format("{}stage {} ({} of {} tasks done)", text.empty() ? "waits for " : " and ", parent,
                        count_text(found->done), count_text(found->tasks));
  }
  return text.empty() ? "waits to be started" : text;
}

// What is being done about it.
std::string growth_text(const RunModel& model) {
  const GrowthRow& growth = model.growth();
  if (growth.outstanding > 0) {
    return fmt::format("; {} more executors were asked for, the last {} ago", count_text(growth.outstanding),
                       duration_text(model.now() - growth.last_asked));
  }
  return growth.refused > 0 ? "; more executors were refused: " + growth.last_refusal : "";
}

}  // namespace

std::string why_pending(const RunModel& model, const JobRow& job, const StageRow& stage) {
  if (job.state != JobProgress::running) return "";
  if (stage.state == StageProgress::waiting) return waits_for_parents(job, stage);
  const std::uint64_t taken = std::uint64_t{stage.done} + stage.running;
  if (stage.state != StageProgress::running || taken >= stage.tasks) return "";
  const std::string tasks =
      fmt::format("{} {}", count_text(stage.tasks - taken), stage.tasks - taken == 1 ? "task waits" : "tasks wait");
  const Slots slots = slots_of(model);
  if (slots.executors == 0) return tasks + ": no executor is there";
  if (slots.all == 0) return fmt::format("{}: all {} executors are set aside or leaving", tasks, slots.executors);
  const std::string aside =
      slots.set_aside == 0 ? "" : fmt::format("; {} executors are set aside", count_text(slots.set_aside));
  if (slots.free == 0) {
    return fmt::format("{} for a slot: all {} are busy{}{}", tasks, count_text(slots.all), aside, growth_text(model));
  }
  return fmt::format("{} to be placed, near their input or after a failure{}", tasks, aside);
}

}  // namespace millrace::observe
