#include "observe/run_rows.h"

#include <algorithm>

namespace millrace::observe {
namespace {

// Tasks of a source that read nothing, while others did, had their splits read by these: they say nothing of how evenly
// the work lies.
template <class Measure>
Spread spread_of(const StageRow& stage, Measure measure) {
  const bool readers_only = stage.parents.empty() && stage.totals.bytes_in != 0;
  std::vector<double> values;
  values.reserve(stage.attempts.size());
  for (const AttemptRow& attempt : stage.attempts) {
    if (attempt.state != AttemptState::counted || (readers_only && attempt.bytes_in == 0)) continue;
    values.push_back(static_cast<double>(measure(attempt)));
  }
  if (values.empty()) return {};
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  Spread spread;
  spread.median = *middle;
  if (values.size() % 2 == 0) spread.median = (spread.median + *std::max_element(values.begin(), middle)) / 2;
  spread.least = *std::min_element(values.begin(), values.end());
  spread.most = *std::max_element(values.begin(), values.end());
  return spread;
}

}  // namespace

Spread spread_of_time(const StageRow& stage) {
  return spread_of(stage, [](const AttemptRow& attempt) { return attempt.duration(); });
}

Spread spread_of_bytes(const StageRow& stage) {
  return spread_of(stage, [](const AttemptRow& attempt) { return attempt.bytes_in; });
}

const char* name(AttemptState state) noexcept {
  switch (state) {
    case AttemptState::running:
      return "running";
    case AttemptState::counted:
      return "counted";
    case AttemptState::surplus:
      return "surplus";
    case AttemptState::failed:
      return "failed";
    case AttemptState::killed:
      return "killed";
    case AttemptState::lost:
      return "lost";
  }
  return "?";
}

const char* name(StageProgress state) noexcept {
  switch (state) {
    case StageProgress::waiting:
      return "waiting";
    case StageProgress::running:
      return "running";
    case StageProgress::finished:
      return "finished";
    case StageProgress::skipped:
      return "skipped";
    case StageProgress::failed:
      return "failed";
  }
  return "?";
}

const char* name(JobProgress state) noexcept {
  switch (state) {
    case JobProgress::running:
      return "running";
    case JobProgress::succeeded:
      return "succeeded";
    case JobProgress::failed:
      return "failed";
  }
  return "?";
}

}  // namespace millrace::observe
