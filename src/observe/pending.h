#pragma once

#include <string>

#include "observe/run_model.h"

namespace millrace::observe {

/// Why tasks of the stage do not run now, in a sentence; empty when all of them run or are done.
std::string why_pending(const RunModel& model, const JobRow& job, const StageRow& stage);

}  // namespace millrace::observe
