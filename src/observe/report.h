#pragma once

#include <cstdint>
#include <string>

#include "observe/run_model.h"

namespace millrace::observe {

/// What a run did, as text for a terminal or a file: stages, skew, spills, bytes, failures, where the time went.
/// A pure function of the model; it should have Detail::attempts.
std::string render_text(const RunModel& model);

/// How the run ended, in a word: "succeeded", "failed", "interrupted", or "unfinished" when the log does not say.
std::string run_state(const RunModel& model);

/// "2026-01-31 14:05:09 UTC"
std::string date_text(std::int64_t unix_microseconds);

}  // namespace millrace::observe
