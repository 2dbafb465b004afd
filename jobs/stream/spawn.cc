#include "jobs/stream/spawn.h"

#include <cerrno>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace millrace::jobs::stream {
namespace {

/// What the child needs, made before it is: between vfork() and exec it may call little, and allocate nothing.
struct Start {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* directory;
  int input, output, error;
  int report;  ///< where the error number of what failed goes; closed when the command runs
  pid_t parent;
};

constexpr int report_place = STDERR_FILENO + 1;

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

[[noreturn]] void give_up(int report, int error) {
  const bool told = write(report, &error, sizeof error) == sizeof error;
  _exit(told ? 127 : 126);
}

/// In the child.
[[noreturn]] void become(const Start& start) {
  struct sigaction defaults {};
  defaults.sa_handler = SIG_DFL;
  for (const int number : {SIGPIPE, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD}) sigaction(number, &defaults, nullptr);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(start.report, errno);
  if (getppid() != start.parent) give_up(start.report, ESRCH);  // it died before it could be said
  if (setpgid(0, 0) != 0) give_up(start.report, errno);
  if (dup2(start.input, STDIN_FILENO) < 0 || dup2(start.output, STDOUT_FILENO) < 0 ||
      dup2(start.error, STDERR_FILENO) < 0) {
    give_up(start.report, errno);
  }
  if (start.report != report_place && dup3(start.report, report_place, O_CLOEXEC) < 0) give_up(start.report, errno);
  closefrom(report_place + 1);
  if (chdir(start.directory) != 0) give_up(report_place, errno);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  execve(start.program, start.arguments, start.environment);
  give_up(report_place, errno);
}

/// A function of its own: nothing of the caller's frame is touched while the child runs on the parent's stack.
[[gnu::noinline]] pid_t start_child(const Start& start) {
  const pid_t child = vfork();
  if (child == 0) become(start);
  return child;
}

/// The error number that the child gave up with; 0 when the command runs. Waits for either.
int reported(int report) {
  int error = 0;
  ssize_t count = 0;
  do {
    count = read(report, &error, sizeof error);
  } while (count < 0 && errno == EINTR);
  return count == 0 ? 0 : count == sizeof error ? error : EIO;
}

}  // namespace

int spawn(const SpawnSpec& spec, pid_t& pid) {
  std::vector<char*> arguments = pointers(spec.arguments);
  std::vector<char*> environment = pointers(spec.environment);
  // Where the system makes vfork() a fork(), the child cannot write into our memory: it tells its failure by a pipe.
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return errno;
  const Start start{spec.program.c_str(),
                    arguments.data(),
                    environment.data(),
                    spec.directory.c_str(),
                    spec.input,
                    spec.output,
                    spec.error,
                    report[1],
                    getpid()};
  // A handler of this process must not run in the child: they share the memory until the command runs.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = start_child(start);
  int failure = child < 0 ? errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(report[1]);
  if (failure == 0) failure = reported(report[0]);
  close(report[0]);
  if (failure == 0) {
    pid = child;
    return 0;
  }
  if (child > 0) {
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  return failure;
}

}  // namespace millrace::jobs::stream
