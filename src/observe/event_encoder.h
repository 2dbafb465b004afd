#pragma once

#include <string>

#include "observe/logged.h"

namespace millrace::observe {

/// The first line of an event log, with its newline. docs/formats.md, "Event log".
std::string event_log_header();

/// Appends the record as one line, with its newline.
void append_event(std::string& out, const Logged& record);

}  // namespace millrace::observe
