#include "observe/report.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include <millrace/error.h>

#include "cli/command.h"
#include "cli/command_line.h"
#include "observe/event_log.h"
#include "observe/report_html.h"
#include "observe/run_model.h"

namespace millrace::cli {

int run_report(const Invocation& invocation) {
  CommandLine line(
      "Explains a finished run from its event log (--events FILE of the run): stages, tasks, skew, spills, bytes,\n"
      "where the time went");
  std::string log;
  line.argument("RUN", log, "The event log");
  std::string page;
  line.text("--html", page,
            "Write a page with a timeline of the tasks to this file instead of text to standard output");
  if (!line.parse(invocation)) return 0;

  observe::EventLogReader reader(log);
  observe::RunModel model(observe::Detail::attempts);
  for (observe::Logged record; reader.next(record);) model.on(record);
  for (const std::string& warning : reader.warnings()) std::cerr << "millrace report: " << warning << '\n';
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
