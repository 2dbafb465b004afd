#include "cluster/run_directory.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <mutex>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

#include <millrace/error.h>

#include "cluster/small_file.h"

namespace millrace::cluster {
namespace {

struct Paths {
  std::mutex mutex;
  std::set<std::string> all;
};

Paths& paths_of_this_process() {
  static Paths here;
  return here;
}

}  // namespace

RunDirectory::RunDirectory(const std::string& tmp, const rpc::Membership& membership) {
  static std::atomic<unsigned> number{0};
  path_ = fmt::format("{}/{}{}-{}-{}", tmp, run_directory_name, getuid(), getpid(), number++);
  if (mkdir(path_.c_str(), 0700) != 0) {
    throw Error(Cause::output, fmt::format("{}: cannot be made: {}", path_, std::strerror(errno)));
  }
  {
    Paths& paths = paths_of_this_process();
    const std::lock_guard lock(paths.mutex);
    paths.all.insert(path_);
  }
  rpc::write_secret(path_ + "/secret", membership.secret);
  if (membership.tls && !std::ofstream(path_ + "/tls")) {
    throw Error(Cause::output, fmt::format("{}/tls: cannot be made: {}", path_, std::strerror(errno)));
  }
}

RunDirectory::~RunDirectory() { remove(); }

void RunDirectory::remove() noexcept {
  std::error_code ignored;  // what is left is small, and in a temporary directory
  std::filesystem::remove_all(path_, ignored);
  Paths& paths = paths_of_this_process();
  const std::lock_guard lock(paths.mutex);
  paths.all.erase(path_);
}

void RunDirectory::remove_all_of_this_process() noexcept {
  Paths& paths = paths_of_this_process();
  const std::lock_guard lock(paths.mutex);
  std::error_code ignored;
  for (const std::string& path : paths.all) std::filesystem::remove_all(path, ignored);
}

void RunDirectory::publish(const rpc::Address& driver) const {
  write_whole(path_ + "/driver", fmt::format("{} {}\n", driver.host, driver.port));
}

std::string RunDirectory::log_path(std::uint32_t ticket) const {
  return fmt::format("{}/executor-{}.log", path_, ticket);
}

rpc::Membership RunDirectory::membership_in(const std::string& path) {
  return {rpc::read_secret(path + "/secret"), std::filesystem::exists(path + "/tls")};
}

rpc::Address RunDirectory::driver_in(const std::string& path) {
  rpc::Address address;
  std::ifstream file(path + "/driver");
  if (!(file >> address.host >> address.port)) throw Error(Cause::input, path + "/driver: does not name a driver");
  return address;
}

}  // namespace millrace::cluster
