#include "cli/command.h"
#include "jobs/stream/stream.h"

namespace millrace::cli {

int run_stream(const Invocation& call) { return jobs::stream::run_stream(call.options.arguments, call.options); }

}  // namespace millrace::cli
