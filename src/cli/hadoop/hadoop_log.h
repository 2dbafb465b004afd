#pragma once

#include <iosfwd>
#include <mutex>
#include <string_view>

#include "jobs/stream/attempt_listener.h"
#include "jobs/stream/stream_job.h"

namespace millrace::cli {

/// The messages of Hadoop's job client, which its users and client programs read: one log4j line each, or several where
/// Hadoop has several. All member functions may be called by several threads.
class HadoopLog final : public jobs::stream::AttemptListener {
 public:
  /// `errors` outlives this object.
  explicit HadoopLog(std::ostream& errors) : errors_(errors) {}

  void info(std::string_view logger, std::string_view message) { log("INFO", logger, message); }
  void warn(std::string_view logger, std::string_view message) { log("WARN", logger, message); }
  void error(std::string_view logger, std::string_view message) { log("ERROR", logger, message); }

  /// "Submitted application …", "Running job: …", " map 0% reduce 0%".
  void started(const jobs::stream::StreamStart& start);
  void succeeded(bool is_map, std::uint32_t partition) override;
  /// "Task Id : attempt_…, Status : FAILED" and why.
  void failed(bool is_map, std::uint32_t partition, std::uint32_t attempt, const std::string& why) override;
  /// "Job … completed successfully", "Counters: N" and the counters by group.
  void completed(const jobs::stream::CounterList& counters);
  void job_failed(std::string_view why);

 private:
  void log(std::string_view level, std::string_view logger, std::string_view message);
  void progress();

  std::ostream& errors_;
  std::mutex mutex_;
  jobs::stream::StreamStart job_;
  std::uint32_t maps_done_ = 0;
  std::uint32_t reduces_done_ = 0;
  int shown_ = -1;  // the percentages that the last line told, as one number
};

}  // namespace millrace::cli
