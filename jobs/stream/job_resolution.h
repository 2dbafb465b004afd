#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jobs/stream/streaming_options.h"

namespace millrace::jobs::stream {

/// What the command line said, before its names are understood.
struct RawStreamingOptions {
  StreamingJob job;
  std::vector<std::string> configuration_files;
  std::vector<std::string> inputs;
  std::vector<std::string> files;
  std::vector<std::string> archives;
  std::optional<std::string> output, mapper, combiner, reducer, input_format, output_format, partitioner, reduces,
      input_reader, io;
};

/// Understands classes, properties, links. Throws Error(usage).
StreamingJob resolve_streaming_job(RawStreamingOptions raw, bool keep_bare_keys);

}  // namespace millrace::jobs::stream
