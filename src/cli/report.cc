#include "observe/report.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>

#include <millrace/error.h>

#include "cli/command.h"
#include "cli/command_line.h"
#include "observe/event_log.h"
#include "observe/report_html.h"
#include "observe/run_model.h"
#include "observe/trace.h"

namespace millrace::cli {

namespace {

bool names_trace(const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(),
                     [](const std::string& word) { return word == "--trace" || word.starts_with("--trace="); });
}

}  // namespace

int run_report(const Invocation& invocation) {
  CommandLine line(
      "Explains a finished run from its event log (--events FILE of the run): stages, tasks, skew, spills, bytes,\n"
      "where the time went. With --trace FILE, writes a trace for ui.perfetto.dev instead");
  std::string log;
  line.argument("RUN", log, "The event log");
  std::string page;
  line.text("--html", page,
            "Write a page with a timeline of the tasks to this file instead of text to standard output");
  if (!line.parse(invocation)) return 0;

  observe::EventLogReader reader(log);
  observe::RunModel model(observe::Detail::attempts);
  // A trace that the environment or the configuration file asks for is that of the run itself.
  std::unique_ptr<observe::TraceWriter> trace;
  if (names_trace(invocation.words)) trace = std::make_unique<observe::TraceWriter>(invocation.options.trace);
  for (observe::Logged record; reader.next(record);) {
    model.on(record);
    if (trace != nullptr) trace->on(record);
  }
  if (trace != nullptr) trace->close();
  for (const std::string& warning : reader.warnings()) std::cerr << "millrace report: " << warning << '\n';
  if (trace != nullptr && page.empty()) return 0;
  if (page.empty()) {
    std::cout << observe::render_text(model);
    return 0;
  }
  std::ofstream file(page, std::ios::binary);
  if (!(file << observe::render_html(model)).flush())
    throw Error(Cause::output, "cannot write '" + page + "': " + std::strerror(errno));
  return 0;
}

}  // namespace millrace::cli
