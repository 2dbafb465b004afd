#pragma once

#include <span>
#include <string>

namespace millrace::cli {

/// `hadoop jar …streaming….jar OPTIONS`: runs the streaming job, with Hadoop's messages on standard error. `arguments`
/// begin with the jar, which is never read. Returns Hadoop's exit status: 0, 1 for a wrong command line or a failed
/// job, 2 when an input is missing, 4 when the output exists, 5 for what else kept the job from running.
int run_jar(std::span<const std::string> arguments);

}  // namespace millrace::cli
