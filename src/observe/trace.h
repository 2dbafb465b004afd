#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "observe/growing_file.h"
#include "observe/run_model.h"

namespace millrace::observe {

/// Writes the run as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing open: JSON trace events, an array of
/// them, one a line. An executor is a process, each of its slots a track with a slice an attempt; failures, stops and
/// lost executors are instants; jobs and stages are slices of the driver, which also has a counter of running tasks.
///
/// Written while the run goes on, in memory that does not grow with it. A trace that was cut off can be opened too.
class TraceWriter : public Observer, private AttemptSink {
 public:
  /// Creates or truncates. Throws Error(output, or out_of_disk).
  explicit TraceWriter(std::string path);

  void on(const Logged& record) override;

  /// Ends the array. Everything is in the file, or Error says why not. Records after it are ignored.
  void close();

 private:
  void settled(const StageRow& stage, const AttemptRow& attempt) override;

  // Begins an event: the caller adds fields and ends it with '}'.
  std::string& begin(char phase, std::int64_t at, std::uint64_t process, std::uint64_t track);
  void name_track(std::uint64_t process, std::uint64_t track, std::string_view kind, std::string_view name);
  void instant(std::int64_t at, const AttemptId& attempt, std::string_view what, std::string_view message);
  // The slices of the job and its stages, which are known when it has ended.
  void write_job(JobId id);
  void write_span(std::string_view category, const std::string& name, std::int64_t from, std::int64_t to);
  // The counter's event for the value that it had until now, unless there was one just before.
  void write_counter(bool at_once);

  GrowingFile file_;
  RunModel model_;
  bool first_ = true;
  std::map<std::uint64_t, std::uint32_t> tracks_named_;  // by process: how many slots have names
  std::uint64_t spans_ = 0;
  std::size_t counted_ = 0;            // the counter's value in the file
  std::size_t running_ = 0;            // and the true one,
  std::int64_t running_since_ = 0;     // since then
  std::int64_t counted_at_ = not_yet;  // the time of the counter's last event
};

}  // namespace millrace::observe
