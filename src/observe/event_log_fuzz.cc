#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <millrace/error.h>

#include "observe/event_encoder.h"
#include "observe/event_log.h"
#include "observe/report.h"
#include "observe/report_html.h"

// Any bytes are read as a log or refused as bad data; what was read is written and read again to the same bytes, and
// makes a report.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  using namespace millrace::observe;
  std::string first = event_log_header();
  RunModel model;
  try {
    EventLogReader reader("input", std::string_view(reinterpret_cast<const char*>(data), size));
    for (Logged record; reader.next(record);) {
      append_event(first, record);
      model.on(record);
    }
  } catch (const Error& error) {
    if (error.cause() != Cause::bad_data) std::abort();
  }
  std::string second = event_log_header();
  EventLogReader reader("written", first);
  for (Logged record; reader.next(record);) append_event(second, record);
  if (second != first || !reader.warnings().empty()) std::abort();
  render_text(model);
  render_html(model);
  return 0;
}
