#pragma once

#include <string>

#include "observe/run_model.h"

namespace millrace::observe {

/// What a run did, as one page that needs nothing but itself: no network, no other file. Tables are plain HTML; only
/// the task timeline needs its script. A pure function of the model, which should have Detail::attempts.
std::string render_html(const RunModel& model);

}  // namespace millrace::observe
