#include "dataset/machine.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <sched.h>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>

namespace millrace::dataset {
namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

/// The path of this process's control group under the unified hierarchy (version 2), or the one that
/// `controller` is mounted under (version 1). Empty when there is none.
std::string control_group(const std::string& root, const std::string& controller) {
  std::ifstream lines(root + "/proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool matches =
        controller.empty() ? controllers == ",," : controllers.find("," + controller + ",") != std::string::npos;
    if (matches) return line.substr(second + 1);
  }
  return {};
}

/// Calls visit with the directory of `group` and of each group above it: a limit anywhere on the way binds.
/// Inside a container the path may name directories that only the host sees; those are simply not there.
void visit_upwards(const std::string& mount, std::string group, const std::function<void(const std::string&)>& visit) {
  while (true) {
    visit(mount + group);
    if (group.empty() || group == "/") return;
    group.erase(group.rfind('/'));
  }
}

std::uint64_t read_limit(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  return file >> value ? value : unlimited;  // "max" is no number
}

/// The processors that the quota in `directory` is worth; infinite without one.
double quota_v2(const std::string& directory) {
  std::ifstream file(directory + "/cpu.max");
  double quota = 0, period = 0;
  return file >> quota >> period && quota > 0 && period > 0 ? quota / period : std::numeric_limits<double>::infinity();
}

double quota_v1(const std::string& directory) {
  std::ifstream quota_file(directory + "/cpu.cfs_quota_us"), period_file(directory + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  const bool known = quota_file >> quota && period_file >> period && quota > 0 && period > 0;
  return known ? quota / period : std::numeric_limits<double>::infinity();
}

unsigned processors_in_affinity_mask() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return std::thread::hardware_concurrency();  // more processors than the fixed-size mask holds
}

}  // namespace

unsigned usable_processors(const std::string& root) {
  double quota = std::numeric_limits<double>::infinity();
  visit_upwards(root + "/sys/fs/cgroup", control_group(root, ""),
                [&](const std::string& directory) { quota = std::min(quota, quota_v2(directory)); });
  visit_upwards(root + "/sys/fs/cgroup/cpu", control_group(root, "cpu"),
                [&](const std::string& directory) { quota = std::min(quota, quota_v1(directory)); });
  unsigned processors = std::max(1u, processors_in_affinity_mask());
  if (std::isfinite(quota)) processors = std::min(processors, std::max(1u, static_cast<unsigned>(std::ceil(quota))));
  return processors;
}

std::uint64_t usable_memory_bytes(const std::string& root) {
  auto memory = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const auto cut = [&](const std::string& path) { memory = std::min(memory, read_limit(path)); };
  visit_upwards(root + "/sys/fs/cgroup", control_group(root, ""),
                [&](const std::string& directory) { cut(directory + "/memory.max"); });
  visit_upwards(root + "/sys/fs/cgroup/memory", control_group(root, "memory"),
                [&](const std::string& directory) { cut(directory + "/memory.limit_in_bytes"); });
  return memory;
}

}  // namespace millrace::dataset
