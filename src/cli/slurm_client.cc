#include "cli/slurm_client.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

#include <millrace/error.h>

namespace millrace::cli {
namespace {

constexpr int no_such_program = 127;

[[noreturn]] void become(const std::vector<std::string>& words, int in, int out, bool with_errors) {
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  if (with_errors) dup2(out, STDERR_FILENO);
  setpgid(0, 0);  // Ctrl-C is for the one who asked, not for the answer
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  execvp(pointers.front(), pointers.data());
  _exit(no_such_program);
}

int status_of(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string read_all(int descriptor) {
  std::string out;
  std::array<char, 4096> piece;
  for (;;) {
    const ssize_t count = read(descriptor, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return out;
    out.append(piece.data(), static_cast<std::size_t>(count));
  }
}

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

ProgramResult run_program(const std::vector<std::string>& words, const std::string& input, bool with_errors) {
  std::array<int, 2> in;
  std::array<int, 2> out;
  if (pipe(in.data()) != 0 || pipe(out.data()) != 0) {
    throw Error(Cause::internal, "cannot start " + words.front() + ": " + std::strerror(errno));
  }
  const pid_t child = fork();
  if (child < 0) throw Error(Cause::internal, "cannot start " + words.front() + ": " + std::strerror(errno));
  if (child == 0) {
    close(in[1]);
    close(out[0]);
    become(words, in[0], out[1], with_errors);
  }
  close(in[0]);
  close(out[1]);
  // Shorter than a pipe holds, so that nobody waits for the other. A program that ended already is seen by its status.
  const auto old = std::signal(SIGPIPE, SIG_IGN);
  if (write(in[1], input.data(), input.size()) < 0 && errno != EPIPE) kill(child, SIGTERM);
  std::signal(SIGPIPE, old);
  close(in[1]);
  ProgramResult result;
  result.output = read_all(out[0]);
  close(out[0]);
  result.status = status_of(child);
  return result;
}

std::string shell_quoted(const std::string& word) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+:,./@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

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
