#pragma once

#include <string>

#include "observe/run_model.h"

namespace millrace::observe {

/// The run as one HTML page that needs nothing but itself: no server, no network. It is the page that --ui shows, with
/// the data in it. A pure function of the model, which should have Detail::attempts for the timeline.
std::string render_html(const RunModel& model);

/// The page that asks for its data, at "data" beside its own address.
std::string live_html();

}  // namespace millrace::observe
