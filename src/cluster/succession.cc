#include "cluster/succession.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <millrace/error.h>

#include "cluster/small_file.h"

namespace millrace::cluster {
namespace {

// The machine since it was started, and the processes that can be seen on it: where both are the same, a process has
// the same number.
std::string this_place() {
  struct stat seen {};
  const bool known = stat("/proc/self/ns/pid", &seen) == 0;
  std::string boot = content_of("/proc/sys/kernel/random/boot_id");
  boot.erase(boot.find_last_not_of(" \n") + 1);
  return fmt::format("{} {}\n", boot, known ? seen.st_ino : 0);
}

struct flock whole_file() {
  struct flock out {};
  out.l_type = F_WRLCK;
  out.l_whence = SEEK_SET;
  return out;
}

// Who has the lock; 0 when nobody has, and less when that cannot be known.
pid_t owner_of(const std::string& path) {
  const rpc::Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  struct flock lock = whole_file();
  if (!file || fcntl(file.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return 0;
  return lock.l_pid > 0 ? lock.l_pid : -1;
}

}  // namespace

rpc::Secret Succession::secret() const {
  const std::string path = directory_ + "/secret";
  if (!std::filesystem::exists(std::filesystem::symlink_status(path))) {
    const std::string fresh = path + ".new";
    unlink(fresh.c_str());
    rpc::write_secret(fresh, rpc::make_secret());
    if (rename(fresh.c_str(), path.c_str()) != 0) {
      throw Error(Cause::output, fmt::format("{}: cannot be made: {}", path, std::strerror(errno)));
    }
  }
  struct stat seen {};
  const bool own =
      lstat(path.c_str(), &seen) == 0 && S_ISREG(seen.st_mode) && seen.st_uid == geteuid() && (seen.st_mode & 077) == 0;
  if (!own) {
    throw Error(Cause::usage, fmt::format("{} is not for its owner alone: others may know the run's secret; remove {} "
                                          "to begin anew",
                                          path, directory_));
  }
  return rpc::read_secret(path);
}

void Succession::announce(const DriverNotice& notice) const {
  write_whole(directory_ + "/driver", fmt::format("{} {} {} {} .\n", notice.life, notice.tls ? "tls" : "plain",
                                                  notice.address.host, notice.address.port));
}

std::optional<DriverNotice> Succession::announced() const {
  DriverNotice notice;
  std::string kind, end;
  std::ifstream file(directory_ + "/driver");
  if (!(file >> notice.life >> kind >> notice.address.host >> notice.address.port >> end)) return std::nullopt;
  notice.tls = kind == "tls";
  return notice;
}

bool Succession::there() const {
  std::error_code unknown;  // a file system that cannot be reached may come back
  return std::filesystem::exists(directory_, unknown) || unknown;
}

std::string Succession::place_of(ExecutorId executor) const {
  return fmt::format("{}/executors/{}", directory_, executor);
}

void Succession::enter(ExecutorId executor) const {
  static rpc::Descriptor mine;  // a lock goes when any descriptor of its file is closed
  mine = rpc::Descriptor(open(place_of(executor).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!mine) return;
  const std::string place = this_place();
  struct flock lock = whole_file();
  [[maybe_unused]] const ssize_t written = write(mine.get(), place.data(), place.size());
  fcntl(mine.get(), F_SETLK, &lock);
}

void Succession::leave(ExecutorId executor) const { unlink(place_of(executor).c_str()); }

bool Succession::lives(ExecutorId executor) const { return owner_of(place_of(executor)) != 0; }

std::map<ExecutorId, Succession::Survivor> Succession::survivors() const {
  std::map<ExecutorId, Survivor> out;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory_ + "/executors", none)) {
    const std::string name = entry.path().filename().string();
    ExecutorId id;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id.value);
    if (error != std::errc{} || end != name.data() + name.size()) continue;
    const pid_t owner = owner_of(entry.path().string());
    if (owner == 0) {
      leave(id);
      continue;
    }
    Survivor& survivor = out[id];
    if (owner < 0 || content_of(entry.path().string()) != this_place()) continue;
    survivor.process = rpc::Descriptor(static_cast<int>(syscall(SYS_pidfd_open, owner, 0)));
    // Its number might have been given to another process meanwhile.
    if (owner_of(entry.path().string()) != owner) out.erase(id);
  }
  return out;
}

}  // namespace millrace::cluster
