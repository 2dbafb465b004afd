#include <fmt/format.h>
#include <iterator>

#include "sched/job/job_scheduler.h"

// The states of stages and jobs, by the states of tasks.

namespace millrace::sched {
namespace {

// The executor with more than half of the bytes that the stage will read; nowhere when there is none.
std::uint32_t holder_of_most(const Stage& stage) {
  const auto each_output = [&](auto visit) {
    for (const Stage* parent : stage.parents) {
      for (const Task& task : parent->tasks) visit(task.executor, task.output_bytes);
    }
  };
  // Who has more than half is left when all the others cancel out.
  std::uint32_t candidate = Task::nowhere;
  std::uint64_t lead = 0, total = 0, held = 0;
  each_output([&](std::uint32_t executor, std::uint64_t bytes) {
    total += bytes;
    if (executor == candidate) {
      lead += bytes;
    } else if (bytes <= lead) {
      lead -= bytes;
    } else {
      candidate = executor;
      lead = bytes - lead;
    }
  });
  each_output([&](std::uint32_t executor, std::uint64_t bytes) {
    if (executor == candidate) held += bytes;
  });
  return held > total / 2 ? candidate : Task::nowhere;
}

}  // namespace

void JobScheduler::settle() {
  do {
    unsettled_ = false;
    find_wanted();
    for (auto& [id, job] : jobs_) {
      for (Stage* stage : job.stages) settle_stage(id, *stage);
    }
  } while (end_finished_jobs());
}

void JobScheduler::find_wanted() {
  for (auto& [id, stage] : stages_) stage.wanted_by.clear();
  const auto want = [](Stage& stage, JobId job) {
    if (stage.wanted_by.empty() || stage.wanted_by.back() != job) stage.wanted_by.push_back(job);
  };
  for (auto& [id, job] : jobs_) {
    want(*job.stages.back(), id);
    for (auto stage = job.stages.rbegin(); stage != job.stages.rend(); ++stage) {
      const bool wanted = !(*stage)->wanted_by.empty() && (*stage)->wanted_by.back() == id;
      if (!wanted || !(*stage)->needs_parents()) continue;
      for (Stage* parent : (*stage)->parents) want(*parent, id);
    }
  }
}

void JobScheduler::settle_stage(JobId member, Stage& stage) {
  const JobId job = stage.wanted_by.empty() ? member : stage.wanted_by.front();
  const StageState before = stage.state;
  const bool active = before == StageState::waiting || before == StageState::running;
  const auto count = stage.tasks.size();
  stage.inputs_there = stage.parents_complete();
  if (stage.complete()) {
    if (active) {
      transition(stage.state, StageState::finished);
      stage.lost_outputs = 0;
      actions_->push_back(StageFinished{job, stage.id, fmt::format("all {} tasks are done", count)});
    } else if (before == StageState::fresh) {
      transition(stage.state, StageState::skipped);
      actions_->push_back(StageSkipped{
          job, stage.id, count == 0 ? "it has no tasks" : fmt::format("the output of all {} tasks exists", count)});
    }
  } else if (stage.wanted_by.empty()) {
    if (active || before == StageState::fresh) {
      transition(stage.state, StageState::skipped);
      kill_attempts(stage, "its output is no longer needed");
      actions_->push_back(StageSkipped{job, stage.id, "nothing that runs needs its output"});
    }
  } else if (!stage.inputs_there && stage.cached_undone == 0) {
    if (before != StageState::waiting) transition(stage.state, StageState::waiting);
  } else if (before != StageState::running) {
    start_stage(job, stage);
  }
  update_ready(stage);
}

void JobScheduler::start_stage(JobId job, Stage& stage) {
  transition(stage.state, StageState::running);
  stage.wait = {};
  stage.look_everywhere = true;
  const bool choice = stage.places.empty() && executors_.all().size() > 1;
  stage.near = choice ? holder_of_most(stage) : Task::nowhere;
  const auto missing = stage.tasks.size() - stage.done;
  std::string reason = fmt::format("{} tasks, all input is there", missing);
  if (stage.lost_outputs > 0) {
    reason = fmt::format("{} outputs were lost, {} tasks run again", stage.lost_outputs, missing);
  } else if (stage.parents.empty()) {
    reason = fmt::format("{} tasks read the input", missing);
  } else if (!stage.inputs_there) {
    reason = fmt::format("{} of {} tasks have their input cached", stage.cached_undone, missing);
  }
  actions_->push_back(StageStarted{job, stage.id, std::move(reason)});
}

bool JobScheduler::end_finished_jobs() {
  bool ended = false;
  for (auto job = jobs_.begin(); job != jobs_.end();) {
    const auto next = std::next(job);
    if (job->second.stages.back()->complete()) {
      actions_->push_back(JobSucceeded{
          job->first, fmt::format("all {} tasks of its last stage are done", job->second.stages.back()->tasks.size())});
      end_job(job);
      ended = true;
    }
    job = next;
  }
  return ended;
}

void JobScheduler::update_ready(Stage& stage) {
  std::optional<JobId> key;
  if (stage.state == StageState::running && !stage.wanted_by.empty()) {
    const PendingSet& launchable = stage.launchable();
    if (!launchable.empty()) key = stage.wanted_by.front();
  }
  if (key == stage.ready_for) return;
  if (stage.ready_for) ready_.erase({*stage.ready_for, stage.id});
  if (key) ready_.emplace(std::pair{*key, stage.id}, &stage);
  stage.ready_for = key;
}

}  // namespace millrace::sched
