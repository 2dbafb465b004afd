#include "cluster/self_process.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <millrace/error.h>

#include "cluster/program.h"

namespace millrace::cluster {
namespace {

std::vector<std::string> environment_with(const std::string& setting) {
  const std::string name = setting.substr(0, setting.find('=') + 1);
  std::vector<std::string> out;
  for (char** each = environ; *each != nullptr; ++each) {
    if (std::strncmp(*each, name.c_str(), name.size()) != 0) out.emplace_back(*each);
  }
  out.push_back(setting);
  return out;
}

}  // namespace

std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < all.size();) {
    const std::size_t end = std::min(all.find('\0', begin), all.size());
    words.push_back(all.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

pid_t start_self(const std::string& role, const Streams& streams) {
  std::vector<std::string> arguments = own_arguments();
  std::vector<std::string> variables = environment_with(fmt::format("{}={}", executor_variable, role));
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, streams.in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, streams.out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, streams.err, STDERR_FILENO);
  pid_t child = 0;
  const int error = posix_spawn(&child, "/proc/self/exe", &files, nullptr, pointers_to(arguments).data(),
                                pointers_to(variables).data());
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    throw Error(Cause::lost_node, fmt::format("an executor cannot be started: {}", std::strerror(error)));
  }
  return child;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  }
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

}  // namespace millrace::cluster
