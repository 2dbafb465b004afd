#include "jobs/stream/task_environment.h"

#include <cstdlib>
#include <gmock/gmock.h>

namespace millrace::jobs::stream {
namespace {

using testing::Contains;
using testing::Not;
using testing::StartsWith;

class TaskEnvironmentTest : public testing::Test {
 protected:
  TaskEnvironmentTest() {
    task_.names = {1700000000000, 2};
    task_.partition = 7;
    task_.attempt = 1;
    task_.input_file = "/data/in.txt";
    task_.temporary = "/scratch/tmp";
  }
  StreamingJob job_;
  TaskFacts task_;
};

TEST_F(TaskEnvironmentTest, TaskFactsUnderBothNames) {
  const auto environment = task_environment(job_environment(job_, task_.names), task_);
  EXPECT_THAT(environment, Contains("mapreduce_job_id=job_1700000000000_0002"));
  EXPECT_THAT(environment, Contains("mapred_job_id=job_1700000000000_0002"));
  EXPECT_THAT(environment, Contains("mapreduce_task_id=task_1700000000000_0002_m_000007"));
  EXPECT_THAT(environment, Contains("mapreduce_task_attempt_id=attempt_1700000000000_0002_m_000007_1"));
  EXPECT_THAT(environment, Contains("mapreduce_task_partition=7"));
  EXPECT_THAT(environment, Contains("mapreduce_task_ismap=true"));
  EXPECT_THAT(environment, Contains("mapreduce_map_input_file=/data/in.txt"));
  EXPECT_THAT(environment, Contains("map_input_file=/data/in.txt"));
  EXPECT_THAT(environment, Contains("TMPDIR=/scratch/tmp"));
}

TEST_F(TaskEnvironmentTest, AReducerHasNoInputFile) {
  task_.is_map = false;
  const auto environment = task_environment(job_environment(job_, task_.names), task_);
  EXPECT_THAT(environment, Contains("mapreduce_task_id=task_1700000000000_0002_r_000007"));
  EXPECT_THAT(environment, Not(Contains(StartsWith("mapreduce_map_input_file="))));
}

TEST_F(TaskEnvironmentTest, PropertiesThenCmdenv) {
  job_.properties.set("my.own-property", "x");
  job_.properties.set("long", "0123456789");
  job_.environment = {{"my_own_property", "from cmdenv"}, {"EXTRA", "1"}};
  job_.environment_limit = 4;
  setenv("TASK_ENVIRONMENT_TEST", "inherited", 1);
  const auto environment = task_environment(job_environment(job_, task_.names), task_);
  EXPECT_THAT(environment, Contains("my_own_property=from cmdenv"));
  EXPECT_THAT(environment, Not(Contains("my_own_property=x")));
  EXPECT_THAT(environment, Contains("EXTRA=1"));
  EXPECT_THAT(environment, Contains("long=0123"));
  EXPECT_THAT(environment, Contains("TASK_ENVIRONMENT_TEST=inherited"));
}

}  // namespace
}  // namespace millrace::jobs::stream
