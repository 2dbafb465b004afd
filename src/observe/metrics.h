#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "observe/run_model.h"

namespace millrace::observe {

/// What a run's metrics say, as values: taken while the model may not change, written when it may again.
struct Metrics {
  std::array<std::uint64_t, attempt_states> attempts{};  ///< that have ended, by AttemptState
  std::uint64_t running = 0, pending = 0;
  std::array<std::uint64_t, 3> jobs{};    ///< by JobProgress
  std::array<std::uint64_t, 5> stages{};  ///< by StageProgress
  Distribution times;                     ///< of tasks that counted, microseconds
  sched::TaskMetrics totals;
  std::uint64_t wasted = 0;  ///< microseconds
  std::uint64_t executors = 0, executors_lost = 0, executors_set_aside = 0, slots = 0;
  std::string version;
  std::int64_t started_unix_microseconds = 0;
};

Metrics metrics_of(const RunModel& model);

/// The Content-Type of metrics_text().
extern const char* const metrics_type;

/// In Prometheus' text format, version 0.0.4. Names and meanings are an interface (docs/observing.md): add, never
/// rename.
std::string metrics_text(const Metrics& metrics);

}  // namespace millrace::observe
