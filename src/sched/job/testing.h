#pragma once

#include <algorithm>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sched/job/job_scheduler.h"

// What the tests of the job scheduler have in common: events in few words, actions as text.

namespace millrace::sched {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// "launch 0.3#1 on 2" and the like: actions as text, without reasons, so that an expectation is one readable list.
inline std::string text(const Action& action) {
  struct Visitor {
    static std::string of(const AttemptId& id) { return fmt::format("{}.{}#{}", id.stage, id.partition, id.number); }
    std::string operator()(const LaunchTask& a) {
      return (a.backup    ? "backup "
              : a.adopted ? "adopt "
                          : "launch ") +
             of(a.attempt) + fmt::format(" on {}", a.executor);
    }
    std::string operator()(const KillTask& a) { return "kill " + of(a.attempt) + fmt::format(" on {}", a.executor); }
    std::string operator()(const TaskCommitted& a) { return (a.first ? "commit " : "recommit ") + of(a.attempt); }
    std::string operator()(const StageStarted& a) { return fmt::format("start {}", a.stage); }
    std::string operator()(const StageFinished& a) { return fmt::format("finish {}", a.stage); }
    std::string operator()(const StageSkipped& a) { return fmt::format("skip {}", a.stage); }
    std::string operator()(const ExecutorSetAside& a) { return fmt::format("set aside {}", a.executor); }
    std::string operator()(const ExecutorReadmitted& a) { return fmt::format("readmit {}", a.executor); }
    std::string operator()(const JobSucceeded& a) { return fmt::format("job {} succeeded", a.job); }
    std::string operator()(const JobFailed& a) { return fmt::format("job {} failed {}", a.job, name(a.cause)); }
  };
  return std::visit(Visitor{}, action);
}

inline StageSpec stage(std::uint32_t id, std::uint32_t tasks, std::vector<std::uint32_t> parents = {},
                       std::vector<bool> done = {}) {
  StageSpec spec;
  spec.id = StageId{id};
  spec.name = fmt::format("stage {}", id);
  spec.tasks = tasks;
  for (const auto parent : parents) spec.parents.push_back(StageId{parent});
  spec.done = std::move(done);
  return spec;
}

inline AttemptId attempt(std::uint32_t stage_id, std::uint32_t partition, std::uint32_t number = 0) {
  return {StageId{stage_id}, PartitionId{partition}, number};
}

class JobSchedulerTest : public testing::Test {
 protected:
  using Texts = std::vector<std::string>;

  void use(Options options) { scheduler_ = JobScheduler(options); }

  Texts step(const Event& event) {
    actions_ = scheduler_.step(event, Time{++now_});
    Texts texts;
    for (const Action& action : actions_) texts.push_back(text(action));
    return texts;
  }
  Texts add(std::uint32_t executor, std::uint32_t slots) {
    return step(ExecutorAdded{ExecutorId{executor}, slots, "here"});
  }
  Texts lose(std::uint32_t executor) { return step(ExecutorLost{ExecutorId{executor}, "gone"}); }
  Texts submit(std::uint32_t job, std::vector<StageSpec> stages) {
    return step(JobSubmitted{JobSpec{JobId{job}, "job", std::move(stages)}});
  }
  Texts start(const AttemptId& id, std::uint32_t executor = 0) { return step(TaskStarted{id, ExecutorId{executor}}); }
  Texts succeed(const AttemptId& id, std::uint32_t executor = 0) {
    return step(TaskSucceeded{id, ExecutorId{executor}, {}});
  }
  Texts fail(const AttemptId& id, Cause cause, std::uint32_t executor = 0, std::vector<AttemptId> lost = {}) {
    return step(TaskFailed{id, ExecutorId{executor}, TaskFailure{cause, "what happened", std::move(lost)}, {}});
  }
  Texts add(std::uint32_t executor, std::uint32_t slots, const std::string& host, const std::string& rack = {}) {
    return step(ExecutorAdded{ExecutorId{executor}, slots, host, rack});
  }
  Texts drain(std::uint32_t executor) { return step(ExecutorDraining{ExecutorId{executor}, "not needed"}); }
  Texts progress(const AttemptId& id, std::uint32_t executor, double share) {
    return step(TaskProgress{id, ExecutorId{executor}, static_cast<std::uint32_t>(share * 1e6)});
  }
  // Lets time pass, and tells the scheduler.
  Texts pass(double seconds) {
    now_ += static_cast<std::int64_t>(seconds * 1e6);
    return step(Tick{});
  }
  std::string why(std::uint32_t stage_id, std::uint32_t partition) const {
    return scheduler_.why_pending(StageId{stage_id}, PartitionId{partition});
  }
  // The reason of the action at `index` of the last step.
  std::string reason(std::size_t index) const {
    return std::visit([](const auto& action) { return action.reason; }, actions_.at(index));
  }

  JobScheduler scheduler_;
  std::vector<Action> actions_;
  std::int64_t now_ = 0;
};

}  // namespace millrace::sched
