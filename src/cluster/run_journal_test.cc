#include "cluster/run_journal.h"

#include <gtest/gtest.h>

#include "sched/job/job_scheduler.h"

namespace millrace::cluster {
namespace {

TEST(RunJournal, KnowsOfWhichLifeAnAttemptIs) {
  for (std::uint32_t restarts = 0; restarts < 3; ++restarts) {
    sched::JobScheduler scheduler;
    for (std::uint32_t i = 0; i < restarts; ++i) scheduler.step(sched::DriverRestarted{}, {});
    scheduler.step(sched::ExecutorAdded{ExecutorId{0}, 1, "host"}, {});
    sched::StageSpec stage;
    stage.tasks = 1;
    const auto actions = scheduler.step(sched::JobSubmitted{{JobId{0}, "job", {stage}}}, {});
    std::uint32_t launched = 0;
    for (const sched::Action& action : actions) {
      const auto* launch = std::get_if<sched::LaunchTask>(&action);
      if (launch == nullptr) continue;
      ++launched;
      EXPECT_EQ(launch->attempt.number, restarts * RunJournal::attempts_of_a_life);
    }
    EXPECT_EQ(launched, 1u);
  }
}

}  // namespace
}  // namespace millrace::cluster
