#include "observe/progress.h"

#include <algorithm>
#include <cstddef>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "observe/event_stream.h"
#include "observe/progress_line.h"
#include "observe/simulated_run.h"

namespace millrace::observe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// As much of a terminal as progress uses: text, newline, carriage return, cursor up, erase line, erase below, colours.
class Terminal {
 public:
  void write(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '\x1b') {
        at = escape(text, at + 2);
      } else if (text[at] == '\n') {
        ++row_;
        column_ = 0;
        if (row_ == lines_.size()) lines_.emplace_back();
      } else if (text[at] == '\r') {
        column_ = 0;
      } else {
        lines_[row_].resize(column_);
        lines_[row_] += text[at];
        ++column_;
      }
    }
  }
  std::vector<std::string> lines() const {
    auto lines = lines_;
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    return lines;
  }
  int colours = 0;

 private:
  std::size_t escape(std::string_view text, std::size_t at) {
    std::size_t number = 0;
    for (; text[at] >= '0' && text[at] <= '9'; ++at) number = number * 10 + static_cast<std::size_t>(text[at] - '0');
    switch (text[at]) {
      case 'A':
        EXPECT_LE(number, row_) << "the cursor left the screen";
        row_ -= std::min(number, row_);
        break;
      case 'K':
        lines_[row_].clear();
        break;
      case 'J':
        lines_[row_].resize(column_);
        lines_.resize(row_ + 1);
        break;
      case 'm':
        ++colours;
        break;
      default:
        ADD_FAILURE() << "unexpected escape " << text[at];
    }
    return at;
  }
  std::vector<std::string> lines_{1};
  std::size_t row_ = 0, column_ = 0;
};

class ProgressTest : public testing::Test {
 protected:
  void use(ProgressMode mode, std::uint32_t columns = 100) {
    ProgressOptions options;
    options.mode = mode;
    options.columns = columns;
    options.write = [this](std::string_view text) {
      ++writes_;
      written_ += text;
      terminal_.write(text);
    };
    progress_.emplace(model_, options);
    put(0, sched::ExecutorAdded{ExecutorId{0}, 2, "here"});
    sched::JobSpec job{JobId{0}, "job", {}};
    job.stages.push_back({StageId{0}, "read_text > flat_map > combine_by_key", 4, {}, {}, 400 << 20});
    job.stages.push_back({StageId{1}, "reduce_by_key", 2, {StageId{0}}, {}, 0});
    put(0, sched::JobSubmitted{job});
    put(0, sched::StageStarted{JobId{0}, StageId{0}, "why"});
  }
  template <class Value>
  void put(double seconds, Value value) {
    const Logged record{Time{static_cast<std::int64_t>(seconds * 1e6)}, std::move(value)};
    model_.on(record);
    progress_->on(record);
  }
  void tick(double seconds) { put(seconds, sched::Tick{}); }
  void run_task(double from, double to, std::uint32_t stage, std::uint32_t partition) {
    const AttemptId attempt{StageId{stage}, PartitionId{partition}, 0};
    put(from, sched::LaunchTask{JobId{0}, attempt, ExecutorId{0}, "why"});
    sched::TaskMetrics metrics;
    metrics.bytes_in = 100 << 20;
    put(to, sched::TaskSucceeded{attempt, ExecutorId{0}, metrics});
    put(to, sched::TaskCommitted{JobId{0}, attempt, ExecutorId{0}, true, "why"});
  }

  RunModel model_{Detail::totals};
  std::optional<Progress> progress_;
  Terminal terminal_;
  std::string written_;
  int writes_ = 0;
};

TEST_F(ProgressTest, NoneWritesNothing) {
  use(ProgressMode::none);
  run_task(0, 1, 0, 0);
  put(2, sched::StageFinished{JobId{0}, StageId{0}, "why"});
  put(2, sched::JobSucceeded{JobId{0}, "why"});
  EXPECT_EQ(writes_, 0);
}

TEST_F(ProgressTest, BarShowsOneLineAStage) {
  use(ProgressMode::bar);
  run_task(0, 1, 0, 0);
  put(1, sched::LaunchTask{JobId{0}, {StageId{0}, PartitionId{1}, 0}, ExecutorId{0}, "why"});
  put(1.5, sched::TaskFailed{{StageId{0}, PartitionId{1}, 0}, ExecutorId{0}, {}, {}});
  put(1.5, sched::LaunchTask{JobId{0}, {StageId{0}, PartitionId{1}, 1}, ExecutorId{0}, "why"});
  tick(2);
  EXPECT_THAT(
      terminal_.lines(),
      ElementsAre(
          "stage 0 read_text > ..  ##........        1/4  1 running  1 failed   100 MiB  50.0 MiB/s  0:06 left"));
  EXPECT_EQ(terminal_.lines()[0].size(), 99u);
}

TEST_F(ProgressTest, BytesOfRunningAttemptsMoveTheBar) {
  use(ProgressMode::bar);
  run_task(0, 1, 0, 0);
  put(2, LiveBytes{JobId{0}, StageId{0}, 100 << 20});
  EXPECT_THAT(terminal_.lines(), ElementsAre(HasSubstr("1/4  0 running   200 MiB   100 MiB/s  0:02 left")));
  put(4, sched::StageFinished{JobId{0}, StageId{0}, "why"});
  EXPECT_THAT(terminal_.lines(), ElementsAre(HasSubstr("100 MiB in 4.00 s")));
}

TEST_F(ProgressTest, BarNeverGrowsWiderThanTheTerminal) {
  for (const std::uint32_t columns : {1u, 20u, 30u, 40u, 60u, 80u, 200u}) {
    terminal_ = {};
    model_ = RunModel(Detail::totals);
    use(ProgressMode::bar, columns);
    run_task(0, 1, 0, 0);
    tick(2);
    ASSERT_EQ(terminal_.lines().size(), 1u);
    EXPECT_LT(terminal_.lines()[0].size(), std::max(columns, 20u));
    EXPECT_THAT(terminal_.lines()[0], HasSubstr("stage 0"));
  }
}

TEST_F(ProgressTest, BarIsDrawnTenTimesASecondAtMost) {
  use(ProgressMode::bar);
  for (int i = 0; i < 10000; ++i) tick(i * 1e-3);
  EXPECT_GE(writes_, 90);
  EXPECT_LE(writes_, 100);
}

TEST_F(ProgressTest, AFinishedStageLeavesItsLineAboveTheOthers) {
  use(ProgressMode::bar);
  for (std::uint32_t partition = 0; partition < 4; ++partition) run_task(partition, partition + 1, 0, partition);
  put(4, sched::StageFinished{JobId{0}, StageId{0}, "why"});
  put(4, sched::StageStarted{JobId{0}, StageId{1}, "why"});
  tick(4.2);
  ASSERT_EQ(terminal_.lines().size(), 2u);
  EXPECT_EQ(terminal_.lines()[0],
            "stage 0 read_text > flat_map > combine_by_key  4 tasks, 400 MiB in 4.00 s, 100 MiB/s");
  EXPECT_THAT(terminal_.lines()[1], HasSubstr("stage 1 reduce_by_key"));
  run_task(4.2, 5, 1, 0);
  run_task(4.2, 5, 1, 1);
  put(5, sched::StageFinished{JobId{0}, StageId{1}, "why"});
  put(5, sched::JobSucceeded{JobId{0}, "why"});
  ASSERT_EQ(terminal_.lines().size(), 2u);
  EXPECT_THAT(terminal_.lines()[1], HasSubstr("2 tasks, 200 MiB in 1.00 s"));
  terminal_.write("result");
  put(6, RunEnded{0, ""});
  EXPECT_EQ(terminal_.lines().back(), "result") << "what was printed after the job was overwritten";
}

TEST_F(ProgressTest, AShortJobShowsItsStagesOnce) {
  use(ProgressMode::bar);
  for (std::uint32_t partition = 0; partition < 4; ++partition) run_task(0, 0.01, 0, partition);
  put(0.01, sched::StageFinished{JobId{0}, StageId{0}, "why"});
  EXPECT_EQ(writes_, 0);
  put(0.02, sched::JobSucceeded{JobId{0}, "why"});
  EXPECT_EQ(writes_, 1);
  EXPECT_EQ(terminal_.lines().size(), 1u);
}

TEST_F(ProgressTest, AFailedJobSaysWhereItStopped) {
  use(ProgressMode::bar);
  run_task(0, 1, 0, 0);
  put(2, sched::JobFailed{JobId{0}, Cause::input, "why"});
  EXPECT_THAT(terminal_.lines(), ElementsAre(HasSubstr("stopped after 1 of 4 tasks")));
}

TEST_F(ProgressTest, PlainPrintsALineNowAndThen) {
  use(ProgressMode::plain);
  run_task(0, 1, 0, 0);
  for (int i = 10; i <= 110; ++i) tick(i * 0.1);
  EXPECT_EQ(
      written_,
      "stage 0 read_text > flat_map > combine_by_key: 1/4 tasks done, 0 running, 100 MiB, 20.0 MiB/s, 0:15 left\n"
      "stage 0 read_text > flat_map > combine_by_key: 1/4 tasks done, 0 running, 100 MiB, 10.0 MiB/s, 0:30 left\n");
  put(12, sched::StageFinished{JobId{0}, StageId{0}, "why"});
  EXPECT_THAT(written_,
              HasSubstr("stage 0 read_text > flat_map > combine_by_key: 4 tasks, 100 MiB in 12.0 s, 8.33 MiB/s\n"));
  EXPECT_THAT(written_, Not(HasSubstr("\x1b")));
}

TEST_F(ProgressTest, ColourOnlyWhereItIsAskedFor) {
  use(ProgressMode::bar);
  tick(1);
  EXPECT_EQ(terminal_.colours, 0);
}

TEST(ProgressOfARunTest, EndsWithOneLineForEachStageThatRan) {
  Terminal terminal;
  RunModel model(Detail::totals);
  ProgressOptions options;
  options.mode = ProgressMode::bar;
  options.colour = true;
  options.unicode = true;
  options.write = [&](std::string_view text) { terminal.write(text); };
  Progress progress(model, options);
  EventStream stream;
  stream.add(model);
  stream.add(progress);
  SimulatedRunOptions run;
  run.lose_an_executor = false;
  for (Logged& record : simulated_run(run)) stream.publish(std::move(record));
  stream.settle();
  EXPECT_THAT(terminal.lines(), ElementsAre(HasSubstr("stage 0"), HasSubstr("stage 2"), HasSubstr("stage 3")));
  EXPECT_GT(terminal.colours, 0);
}

TEST(ProgressLineTest, CountsCodePoints) {
  EXPECT_EQ(columns_of("a━b"), 3u);
  ProgressLine line(5, false);
  line.add_cell("schön", 4, "…");
  EXPECT_EQ(line.text(), "sch…");
  line.add("━━━");
  EXPECT_EQ(line.text(), "sch…━");
  EXPECT_EQ(line.room(), 0u);
}

}  // namespace
}  // namespace millrace::observe
