#include "jobs/stream/spawn.h"

#include <cerrno>
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
  pid_t parent;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

/// In the child. Returns the error number of what failed; does not return when the command runs.
int become(const Start& start) {
  struct sigaction defaults {};
  defaults.sa_handler = SIG_DFL;
  for (const int number : {SIGPIPE, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD}) sigaction(number, &defaults, nullptr);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
  if (getppid() != start.parent) return ESRCH;  // it died before it could be said
  if (setpgid(0, 0) != 0) return errno;
  if (dup2(start.input, STDIN_FILENO) < 0 || dup2(start.output, STDOUT_FILENO) < 0 ||
      dup2(start.error, STDERR_FILENO) < 0) {
    return errno;
  }
  closefrom(STDERR_FILENO + 1);
  if (chdir(start.directory) != 0) return errno;
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  execve(start.program, start.arguments, start.environment);
  return errno;
}

/// A function of its own: nothing of the caller's frame is touched while the child runs on the parent's stack.
[[gnu::noinline]] pid_t start_child(const Start& start, volatile int& error) {
  const pid_t child = vfork();
  if (child == 0) {
    error = become(start);
    _exit(127);
  }
  return child;
}

}  // namespace

int spawn(const SpawnSpec& spec, pid_t& pid) {
  std::vector<char*> arguments = pointers(spec.arguments);
  std::vector<char*> environment = pointers(spec.environment);
  const Start start{spec.program.c_str(), arguments.data(), environment.data(), spec.directory.c_str(),
                    spec.input,           spec.output,      spec.error,         getpid()};
  // A handler of this process must not run in the child: they share the memory until the command runs.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  volatile int error = 0;
  const pid_t child = start_child(start, error);
  const int failure = child < 0 ? errno : error;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
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
