#pragma once

#include <string>

#include "observe/run_model.h"

namespace millrace::observe {

/// What the page's timeline draws, as JSON that may stand inside a script element. Of more than 250,000 attempts, all
/// that did not count are in it and an even sample of the others.
std::string page_data(const RunModel& model);

/// Whether page_data() leaves attempts out.
bool page_data_is_a_sample(const RunModel& model);

}  // namespace millrace::observe
