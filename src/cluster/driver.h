#pragma once

#include <memory>
#include <optional>

#include <millrace/options.h>

#include "cluster/job_runner.h"
#include "cluster/run_entry.h"
#include "cluster/uncaught.h"
#include "dataset/driver_session.h"
#include "observe/event_log.h"
#include "observe/event_stream.h"
#include "observe/live_page.h"
#include "observe/progress.h"
#include "observe/run_model.h"
#include "observe/trace.h"

namespace millrace::cluster {

/// One run of a program as a driver: its session, what runs the jobs, and the views of what happens. Owned by the
/// Context and its datasets together; ends with the last of them.
class Driver {
 public:
  /// `argc` and `argv` are for the event log and the report; the options have been read from them already.
  Driver(Options options, int argc, const char* const* argv);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  internal::Session* session() const { return session_.get(); }

 private:
  void watch(const Options& options, int argc, const char* const* argv);
  void end_run(const std::string& uncaught = {});

  std::string report_;
  std::unique_ptr<observe::EventLogWriter> log_;
  std::unique_ptr<observe::TraceWriter> trace_;
  std::unique_ptr<observe::LivePage> page_;
  std::unique_ptr<observe::RunModel> model_;
  std::unique_ptr<observe::Progress> progress_;
  observe::EventStream events_;          // goes before the views: its thread calls them
  std::unique_ptr<RunJournal> journal_;  // null: there is none
  std::optional<RunEntry> entry_;
  JobRunner* runner_ = nullptr;  // the session's
  std::shared_ptr<dataset::DriverSession> session_;
  std::optional<UncaughtErrors> uncaught_;
};

}  // namespace millrace::cluster
