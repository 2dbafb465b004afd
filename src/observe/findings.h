#pragma once

#include <string>
#include <vector>

#include "observe/run_model.h"

namespace millrace::observe {

/// What a reader of the report should look at first, one sentence each, the most expensive first: uneven stages,
/// spills, idle slots, work that was done twice. Empty when nothing stands out. Needs Detail::attempts for uneven
/// stages.
std::vector<std::string> findings(const RunModel& model);

}  // namespace millrace::observe
