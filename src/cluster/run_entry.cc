#include "cluster/run_entry.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::cluster {
namespace {

constexpr std::size_t status_bytes = 240;  // it is overwritten in place
constexpr std::size_t path_bytes = 256;

// For signal handlers, which may not look into a string: of the first run of this process; others are found to be over
// by their locks.
char entry_path[path_bytes];
std::atomic<bool> has_entry{false};

bool is_own_directory(const std::string& path, mode_t forbidden) {
  struct stat seen {};
  return lstat(path.c_str(), &seen) == 0 && S_ISDIR(seen.st_mode) && seen.st_uid == geteuid() &&
         (seen.st_mode & forbidden) == 0;
}

std::string line_of(const std::string& name, std::string value) {
  for (char& c : value) {
    if (c == '\n') c = ' ';
  }
  return value.empty() ? "" : name + ' ' + value + '\n';
}

bool lock(int file) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return fcntl(file, F_SETLK, &whole) == 0;
}

}  // namespace

std::optional<std::string> runs_directory(bool make) {
  constexpr mode_t of_others = 077;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const bool given = runtime != nullptr && *runtime == '/' && is_own_directory(runtime, of_others & 022);
  const std::string path = given ? std::string(runtime) + "/millrace" : fmt::format("/tmp/millrace-{}", geteuid());
  if (make && mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return std::nullopt;
  return is_own_directory(path, of_others) ? std::optional(path) : std::nullopt;
}

RunEntry::RunEntry(const Options& options, const std::string& page) noexcept {
  try {
    enter(options, page);
  } catch (const std::exception&) {  // no memory: there are worse things to report
    file_ = rpc::Descriptor();
  }
}

void RunEntry::enter(const Options& options, const std::string& page) {
  static std::atomic<unsigned> number{0};
  const unsigned mine = number++;
  const auto directory = runs_directory(true);
  if (!directory) return;
  const std::string name = mine == 0 ? std::to_string(getpid()) : fmt::format("{}-{}", getpid(), mine);
  path_ = *directory + '/' + name;
  // Those who read entries leave an empty one alone: it is about to be locked.
  rpc::Descriptor file(open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  std::string text = "millrace run 1\n" + line_of("started", std::to_string(std::time(nullptr))) +
                     line_of("workers", options.workers == 0 ? "" : std::to_string(options.workers)) +
                     line_of("tmp", options.journal.empty() ? options.tmp : options.journal) + line_of("page", page) +
                     line_of("events", options.events) + line_of("report", options.report);
  status_at_ = text.size();
  text += std::string(status_bytes - 1, ' ') + '\n';
  const bool written =
      file && lock(file.get()) && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!written) {
    if (file) unlink(path_.c_str());
    return;
  }
  file_ = std::move(file);
  if (mine == 0 && path_.size() < path_bytes) {
    path_.copy(entry_path, path_bytes - 1);
    has_entry = true;
  }
}

RunEntry::~RunEntry() {
  if (!file_) return;
  if (path_ == entry_path) has_entry = false;
  unlink(path_.c_str());
}

void RunEntry::write(sched::Time now, const sched::SchedulerSummary& summary) noexcept try {
  written_ = now;
  jobs_ = summary.jobs;
  std::string line = fmt::format("status {} {} {} {} {} {}", summary.jobs, summary.done, summary.tasks, summary.running,
                                 summary.executors, summary.name);
  line.resize(status_bytes - 1, ' ');
  // A disk that is full, or gone, only makes the list older.
  [[maybe_unused]] const ssize_t count = pwrite(file_.get(), line.data(), line.size(), static_cast<off_t>(status_at_));
} catch (const std::exception&) {
  written_ = now;
}

void remove_run_entry() noexcept {
  if (has_entry.exchange(false)) unlink(entry_path);
}

}  // namespace millrace::cluster
