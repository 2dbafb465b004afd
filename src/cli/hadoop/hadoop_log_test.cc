#include "cli/hadoop/hadoop_log.h"

#include <gmock/gmock.h>
#include <regex>
#include <sstream>

namespace millrace::cli {
namespace {

class HadoopLogTest : public testing::Test {
 protected:
  /// The lines without their timestamp; lines that have none stay as they are.
  std::vector<std::string> lines() const {
    std::vector<std::string> result;
    std::istringstream text(out_.str());
    for (std::string line; std::getline(text, line);) {
      result.push_back(std::regex_replace(line, std::regex(R"(^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} )"), ""));
    }
    return result;
  }

  std::ostringstream out_;
  HadoopLog log_{out_};
  const jobs::stream::StreamStart start_{{1700000000000, 1}, 2, 1};
};

TEST_F(HadoopLogTest, ASuccessfulJob) {
  log_.started(start_);
  log_.succeeded(true, 1);
  log_.succeeded(true, 0);
  log_.succeeded(false, 0);
  log_.completed({{"Map-Reduce Framework,Map input records", 5}, {"my,a", 1}, {"my,b", 2}});
  EXPECT_THAT(lines(), testing::ElementsAre(
                           "INFO impl.YarnClientImpl: Submitted application application_1700000000000_0001",
                           "INFO mapreduce.Job: Running job: job_1700000000000_0001",
                           "INFO mapreduce.Job:  map 0% reduce 0%", "INFO mapreduce.Job:  map 50% reduce 0%",
                           "INFO mapreduce.Job:  map 100% reduce 0%", "INFO mapreduce.Job:  map 100% reduce 100%",
                           "INFO mapreduce.Job: Job job_1700000000000_0001 completed successfully",
                           "INFO mapreduce.Job: Counters: 3", "\tMap-Reduce Framework", "\t\tMap input records=5",
                           "\tmy", "\t\ta=1", "\t\tb=2"));
}

TEST_F(HadoopLogTest, AFailedAttempt) {
  log_.started(start_);
  log_.failed(true, 1, 2, "command 'x' ended\nTraceback");
  const auto all = lines();
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(all[3], "INFO mapreduce.Job: Task Id : attempt_1700000000000_0001_m_000001_2, Status : FAILED");
  EXPECT_EQ(all[4], "Error: command 'x' ended");
}

}  // namespace
}  // namespace millrace::cli
