#include "jobs/stream/job_directory.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <mutex>
#include <set>
#include <system_error>
#include <unistd.h>

#include <millrace/error.h>

#include "jobs/stream/archive.h"
#include "jobs/stream/command_line.h"
#include "jobs/stream/location.h"

namespace millrace::jobs::stream {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::error_code& error) {
  // std::errc has no name for EDQUOT.
  const bool full =
      error == std::errc::no_space_on_device || error == std::errc::read_only_file_system || error.value() == EDQUOT;
  throw Error(full ? Cause::out_of_disk : Cause::output, fmt::format("{}: {}", path.string(), error.message()));
}

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail(path, error);
}

/// The directories of this process's jobs. An interrupted process ends without running destructors; it removes them all
/// the same.
class LiveDirectories {
 public:
  static LiveDirectories& instance() {
    static LiveDirectories* const all = new LiveDirectories;  // outlives every thread
    return *all;
  }
  void add(const fs::path& path) {
    const std::lock_guard lock(mutex_);
    paths_.insert(path);
  }
  void remove(const fs::path& path) {
    const std::lock_guard lock(mutex_);
    paths_.erase(path);
  }

 private:
  LiveDirectories() {
    std::at_quick_exit([] {
      std::error_code ignored;
      for (const fs::path& path : instance().paths_) fs::remove_all(path, ignored);
    });
  }

  std::mutex mutex_;
  std::set<fs::path> paths_;
};

fs::path make_unique_directory(const fs::path& parent) {
  make_directories(parent);
  std::string name = (fs::absolute(parent) / "millrace-stream-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) fail(name, {errno, std::generic_category()});
  return fs::canonical(name);
}

}  // namespace

JobDirectory::JobDirectory(const fs::path& parent, const StreamingJob& job, const fs::path& log_directory)
    : JobDirectory(Made{make_unique_directory(parent)}, job, log_directory) {}

std::unique_ptr<JobDirectory> JobDirectory::at(const fs::path& path, const StreamingJob& job,
                                               const fs::path& log_directory) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) fail(path, error);
  make_directories(path);
  return std::unique_ptr<JobDirectory>(new JobDirectory(Made{fs::canonical(path)}, job, log_directory));
}

JobDirectory::JobDirectory(Made made, const StreamingJob& job, const fs::path& log_directory)
    : path_(std::move(made.path)), logs_(log_directory.empty() ? path_ / "logs" : fs::absolute(log_directory)) {
  LiveDirectories::instance().add(path_);
  try {
    make_directories(logs_);
    for (std::size_t i = 0; i < job.shared_files.size(); ++i) add(job.shared_files[i], i);
  } catch (...) {
    remove();
    throw;
  }
}

JobDirectory::~JobDirectory() { remove(); }

void JobDirectory::remove() noexcept {
  LiveDirectories::instance().remove(path_);
  std::error_code ignored;
  const bool logs_inside = logs_ == path_ / "logs";
  if (!keep_logs_ || !logs_inside) {
    fs::remove_all(path_, ignored);
    return;
  }
  for (const auto& entry : fs::directory_iterator(path_, ignored)) {
    if (entry.path() != logs_) fs::remove_all(entry.path(), ignored);
  }
}

void JobDirectory::add(const SharedFile& file, std::size_t number) {
  const fs::path source = fs::absolute(local_path(file.location));
  std::error_code error;
  const bool exists = fs::exists(source, error);
  if (!exists || ::access(source.c_str(), R_OK) != 0) {
    throw Error(Cause::input, fmt::format("{}: the file to share with the tasks {}", file.location,
                                          exists ? "cannot be read" : "does not exist"));
  }
  if (!file.unpack || fs::is_directory(source) || !is_archive_name(file.location)) {
    files_.push_back({file.link, source.lexically_normal().string()});
    return;
  }
  const fs::path directory = path_ / "archives" / std::to_string(number);
  make_directories(directory);
  unpack_archive(source.string(), directory.string());
  files_.push_back({file.link, directory.string()});
}

std::string JobDirectory::localized(const std::string& command) const {
  const std::vector<std::string> arguments = split_command(command);
  if (arguments.empty() || arguments.front().find('/') == std::string::npos) return command;
  const std::string program = fs::absolute(arguments.front()).lexically_normal().string();
  for (const TaskFile& file : files_) {
    if (file.target != program) continue;
    const std::size_t at = command.find(arguments.front());
    return std::string(command).replace(at, arguments.front().size(), "./" + file.link);
  }
  return command;
}

AttemptDirectory::AttemptDirectory(const fs::path& job_directory, std::string_view attempt_id,
                                   const std::vector<TaskFile>& files, std::string_view program)
    : work_(job_directory / "attempts" / attempt_id) {
  make_directories(work_ / "tmp");
  if (program.starts_with("./")) program.remove_prefix(2);
  for (const TaskFile& file : files) {
    const fs::path link = work_ / file.link;
    std::error_code error;
    if (link.parent_path() != work_) make_directories(link.parent_path());
    if (file.link == program && fs::is_regular_file(file.target) && ::access(file.target.c_str(), X_OK) != 0) {
      fs::copy_file(file.target, link, fs::copy_options::overwrite_existing, error);
      if (!error) fs::permissions(link, fs::perms::owner_exec | fs::perms::owner_read, fs::perm_options::add, error);
    } else {
      fs::remove(link, error);
      fs::create_symlink(file.target, link, error);
    }
    if (error) fail(link, error);
  }
}

AttemptDirectory::~AttemptDirectory() {
  std::error_code ignored;
  fs::remove_all(work_, ignored);
}

}  // namespace millrace::jobs::stream
