#include "cli/slurm_client.h"

#include <cstdlib>
#include <set>
#include <string_view>

#include <millrace/error.h>

namespace millrace::cli {
namespace {

// The value of "Key=value" among words between blanks.
std::string value_of(std::string_view text, std::string_view key) {
  for (std::size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
    if (at != 0 && text[at - 1] != ' ') continue;
    const std::size_t begin = at + key.size();
    return std::string(text.substr(begin, text.find_first_of(" \n", begin) - begin));
  }
  return {};
}

}  // namespace

bool SlurmJob::ended() const {
  static const std::set<std::string, std::less<>> going = {"PENDING",      "RUNNING",   "SUSPENDED", "CONFIGURING",
                                                           "COMPLETING",   "RESIZING",  "REQUEUED",  "STAGE_OUT",
                                                           "REQUEUE_HOLD", "SIGNALING", "STOPPED"};
  return !going.contains(state);
}

SlurmJob slurm_job(const std::string& id) {
  const ProgramResult shown = run_program({"scontrol", "show", "job", "-o", id});
  SlurmJob job;
  if (shown.status != 0) {
    if (shown.output.find("Invalid job id") != std::string::npos) return job;
    throw Error(Cause::lost_node, "Slurm does not say how job " + id + " is: " + shown.output.substr(0, 200));
  }
  job.state = value_of(shown.output, "JobState=");
  job.reason = value_of(shown.output, "Reason=");
  job.out = value_of(shown.output, "StdOut=");
  job.err = value_of(shown.output, "StdErr=");
  const std::string exit = value_of(shown.output, "ExitCode=");  // STATUS:SIGNAL
  const std::size_t colon = exit.find(':');
  const int signal = colon == std::string::npos ? 0 : std::atoi(exit.c_str() + colon + 1);
  job.exit_status = signal != 0 ? 128 + signal : std::atoi(exit.c_str());
  return job;
}

}  // namespace millrace::cli
