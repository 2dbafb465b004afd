#include "jobs/stream/stream.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <sstream>

#include <millrace/error.h>

#include "jobs/stream/location.h"
#include "jobs/stream/stream_job.h"
#include "jobs/stream/streaming_options.h"

namespace millrace::jobs::stream {
namespace {

void print_properties(const StreamingJob& job) {
  for (const auto& [name, value] : job.properties.all()) std::cerr << "stream: " << name << "=" << value << '\n';
}

}  // namespace

std::string read_configuration_file(const std::string& location) {
  std::ifstream file(local_path(location), std::ios::binary);
  std::stringstream text;
  if (file) text << file.rdbuf();
  if (!file) throw Error(Cause::usage, fmt::format("-conf {}: {}", location, std::strerror(errno)));
  return text.str();
}

std::vector<std::string> streaming_arguments(std::span<const std::string> arguments, const Options& options) {
  std::vector<std::string> words(arguments.begin(), arguments.end());
  // --reducers is a default: the streaming options' own ways to say it come behind it and win.
  if (options.reducers != 0) words.insert(words.begin(), fmt::format("-Dmapreduce.job.reduces={}", options.reducers));
  return words;
}

int run_stream(std::span<const std::string> arguments, const Options& options) {
  const StreamingJob job = parse_streaming_options(streaming_arguments(arguments, options), read_configuration_file);
  if (job.action != StreamingJob::Action::run) {
    std::cout << "Usage: millrace stream -input PATH… -output DIR -mapper COMMAND [-reducer COMMAND] [OPTION…]\n\n"
              << streaming_help(job.action == StreamingJob::Action::detailed_help) << '\n'
              << Options::help();
    return 0;
  }
  for (const std::string& warning : job.warnings) std::cerr << "millrace stream: " << warning << '\n';
  if (job.verbose) print_properties(job);
  const CounterList counters = run_streaming_job(job, options, {});
  for (const auto& [name, amount] : counters) {
    if (job.verbose || !name.starts_with("Map-Reduce Framework,")) std::cerr << name << "=" << amount << '\n';
  }
  return 0;
}

}  // namespace millrace::jobs::stream
