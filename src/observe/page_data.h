#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "observe/run_model.h"
#include "observe/timeline.h"

namespace millrace::observe {

/// How much a page has been told.
struct PageCursor {
  std::uint64_t revision = 0;  ///< of the model
  std::uint32_t epoch = 0;     ///< of the timeline
  std::size_t bars = 0;

  std::string text() const;
  /// The inverse; a cursor at the beginning for what is none.
  static PageCursor from(std::string_view text);
};

/// What a page has not been told yet, as values: taken while the model may not change, told when it may again.
struct PageUpdate {
  bool live = false;
  PageCursor cursor;  ///< after it
  std::int64_t now = 0;
  std::string state;
  RunStarted run;
  std::optional<RunEnded> end;
  sched::TaskMetrics totals;
  SlotTime slots;
  std::int64_t time_with_tasks = 0;
  std::vector<std::string> findings;
  std::vector<JobRow> jobs;  ///< those that changed, without their attempts
  std::map<std::pair<JobId, StageId>, std::string> pending;
  std::vector<ExecutorRow> executors;
  std::vector<FailureRow> failures;  ///< the first of them
  std::uint64_t failure_count = 0;
  std::vector<std::pair<AttemptId, LiveAttempt>> running;  ///< at most 2000
  std::size_t running_count = 0;
  bool all_bars = false;  ///< the page forgets the bars that it has
  std::vector<Timeline::Bar> bars;
};

PageUpdate page_update(const RunModel& model, Timeline& timeline, const PageCursor& after, bool live);

/// As JSON that may stand inside a script element.
std::string page_data(const PageUpdate& update);

}  // namespace millrace::observe
