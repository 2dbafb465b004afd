#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "observe/run_model.h"

namespace millrace::observe {

enum class ProgressMode : std::uint8_t {
  none,
  plain,  ///< a line now and then, for logs
  bar,    ///< one line a stage, redrawn in place
};

struct ProgressOptions {
  ProgressMode mode = ProgressMode::none;
  std::uint32_t columns = 80;  ///< of the terminal
  bool colour = false;
  bool unicode = false;  ///< the terminal shows UTF-8
  std::function<void(std::string_view)> write;
  Time bar_interval{100'000};  ///< between two drawings
  Time plain_interval{5'000'000};
};

/// Options that fit standard error: its width, colour unless NO_COLOR is set or it is no terminal. Without a mode: bar
/// on a terminal, else none.
ProgressOptions progress_on_stderr(std::optional<ProgressMode> mode);

/// Shows the stages that run, and leaves one line for each that has finished. Its only clock is the time of the
/// records: whoever runs the job publishes a Tick about ten times a second, or the display stands still while no task
/// ends.
///
/// Between jobs nothing is on the screen that would be overwritten later, so that results can be printed.
class Progress : public Observer {
 public:
  /// `model` is what it shows; it must be told of each record before this is, and may keep totals only.
  Progress(const RunModel& model, ProgressOptions options);

  void on(const Logged& record) override;

 private:
  using Key = std::pair<JobId, StageId>;

  void draw(std::int64_t now);
  void draw_plain(std::int64_t now, bool with_live);
  void end_job(JobId job);
  // One line, without its newline.
  std::string live_line(const StageRow& stage, std::int64_t now) const;
  std::string ended_line(const StageRow& stage) const;
  std::string plain_live_line(const StageRow& stage, std::int64_t now) const;

  const RunModel& model_;
  ProgressOptions options_;
  std::set<Key> live_;           // stages that run
  std::vector<Key> ended_;       // stages that have ended and have no line yet
  std::size_t drawn_lines_ = 0;  // of live stages, on the screen above the cursor
  std::int64_t last_drawn_ = 0;
};

}  // namespace millrace::observe
