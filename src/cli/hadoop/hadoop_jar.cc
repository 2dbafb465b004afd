#include "cli/hadoop/hadoop_jar.h"

#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <vector>

#include <millrace/error.h>
#include <millrace/options.h>

#include "cli/hadoop/hadoop_log.h"
#include "jobs/stream/location.h"
#include "jobs/stream/stream.h"
#include "jobs/stream/streaming_options.h"

namespace millrace::cli {
namespace {

using jobs::stream::StreamingJob;

constexpr std::string_view stream_logger = "streaming.StreamJob";

int exit_status(Cause cause) {
  switch (cause) {
    case Cause::input:
      return 2;
    case Cause::output:
      return 4;
    case Cause::user_code:
    case Cause::bad_data:
    case Cause::usage:
      return 1;
    default:
      return 5;
  }
}

/// While it lives, attempts report to the log.
class Listening {
 public:
  explicit Listening(HadoopLog& log) { jobs::stream::set_attempt_listener(&log); }
  ~Listening() { jobs::stream::set_attempt_listener(nullptr); }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
};

int run_job(std::span<const std::string> arguments, HadoopLog& log) {
  std::vector<const char*> pointers{"hadoop"};
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  Options options = Options::parse(static_cast<int>(pointers.size()), pointers.data());
  options.progress = Progress::none;  // Hadoop's lines are the progress
  const StreamingJob job = jobs::stream::parse_streaming_options(
      jobs::stream::streaming_arguments(options.arguments, options), jobs::stream::read_configuration_file, false);
  if (job.action != StreamingJob::Action::run) {
    std::cout << "Usage: hadoop jar hadoop-streaming.jar [options]\n\n"
              << jobs::stream::streaming_help(job.action == StreamingJob::Action::detailed_help);
    return 0;
  }
  for (const std::string& warning : job.warnings) log.warn(stream_logger, warning);
  const Listening listening(log);
  const auto counters = jobs::stream::run_streaming_job(
      job, options, [&](const jobs::stream::StreamStart& start) { log.started(start); });
  log.completed(counters);
  log.info(stream_logger, "Output directory: " + jobs::stream::qualified_location(job.output));
  return 0;
}

}  // namespace

int run_jar(std::span<const std::string> arguments) {
  HadoopLog log(std::cerr);
  if (arguments.empty()) {
    std::cerr << "Usage: hadoop jar …streaming….jar [options]\n";
    return 255;
  }
  const std::string name = std::filesystem::path(arguments.front()).filename().string();
  if (name.find("streaming") == std::string::npos) {
    std::cerr << fmt::format(
        "Not a valid JAR: {}: only streaming jobs can run here (…streaming….jar); Java is not supported\n",
        arguments.front());
    return 255;
  }
  try {
    return run_job(arguments.subspan(1), log);
  } catch (const Error& error) {
    log.job_failed(error.what());
    log.error(stream_logger,
              error.cause() == Cause::usage ? error.what() : fmt::format("Job not successful! {}", error.what()));
    std::cerr << "Streaming Command Failed!\n";
    return exit_status(error.cause());
  }
}

}  // namespace millrace::cli
