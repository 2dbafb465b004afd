#pragma once

#include <span>
#include <string>
#include <vector>

#include <millrace/options.h>

namespace millrace::jobs::stream {

/// `millrace stream`: runs the streaming job that `arguments` describe (docs/streaming.md), with Millrace's common
/// options already taken out of them into `options`. Returns the exit status: 0. Throws Error; usage for a wrong
/// command line.
int run_stream(std::span<const std::string> arguments, const Options& options);

/// The streaming options among a command line's words, with what Millrace's own options say about them.
std::vector<std::string> streaming_arguments(std::span<const std::string> arguments, const Options& options);

/// Reads a whole file, for -conf. Throws Error(usage) when it cannot be read.
std::string read_configuration_file(const std::string& path);

}  // namespace millrace::jobs::stream
