#include "sim/what_if.h"

#include <gtest/gtest.h>

namespace millrace::sim {
namespace {

TEST(WhatIfTest, AQuietClusterComesNearTheIdeal) {
  const Forecast quiet = forecast({});
  EXPECT_TRUE(quiet.succeeded);
  EXPECT_GE(quiet.makespan, quiet.ideal);
  EXPECT_LT(quiet.makespan, quiet.ideal * 1.15);
  EXPECT_EQ(quiet.attempts, 11'000u + quiet.backups);
  EXPECT_EQ(quiet.lost_executors, 0u);
}

TEST(WhatIfTest, FailuresCostTimeAndTheJobSucceeds) {
  WhatIf what;
  what.failures = 1;
  const Forecast failing = forecast(what);
  EXPECT_TRUE(failing.succeeded) << failing.reason;
  EXPECT_GT(failing.lost_executors, 5u);
  EXPECT_GT(failing.made_again, 0u);
  EXPECT_GT(failing.makespan, forecast({}).makespan);
}

TEST(WhatIfTest, BackupsHelpAgainstSlowMachines) {
  WhatIf what;
  what.tasks = 1'000;
  what.reduce_tasks = 0;
  what.slow = 0.1;
  const Forecast with = forecast(what);
  what.backups = false;
  const Forecast without = forecast(what);
  EXPECT_GT(with.backups, 0u);
  EXPECT_EQ(without.backups, 0u);
  EXPECT_LT(with.makespan, without.makespan * 0.85);
}

TEST(WhatIfTest, OneSeedIsOneForecast) {
  WhatIf what;
  what.failures = 1;
  what.slow = 0.1;
  EXPECT_EQ(forecast(what).makespan, forecast(what).makespan);
  what.seed = 2;
  EXPECT_NE(forecast(what).makespan, forecast({}).makespan);
}

}  // namespace
}  // namespace millrace::sim
