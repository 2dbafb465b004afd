#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "jobs/stream/streaming_options.h"

// Where a job's commands run: one directory for the job, with what all attempts share, and one inside it for each
// attempt.

namespace millrace::jobs::stream {

/// What an attempt finds in its working directory: a link of this name to that path.
struct TaskFile {
  std::string link;
  std::string target;  ///< absolute

  static constexpr auto fields = std::tuple{&TaskFile::link, &TaskFile::target};
};

/// A job's directory on this machine. Made once before the first task, removed with this object; logs of attempts are
/// kept when keep_logs() was called. Not thread-safe but for its const members.
class JobDirectory {
 public:
  /// Makes a directory below `parent`, unpacks archives and looks up the shared files. `log_directory`: where attempts'
  /// logs go; empty: inside this directory. Throws Error(input) that names the file that is missing or cannot be
  /// unpacked, Error(output) or Error(out_of_disk).
  JobDirectory(const std::filesystem::path& parent, const StreamingJob& job,
               const std::filesystem::path& log_directory);
  /// As above, with `path` itself as the directory, emptied: the one of a run that goes on is the same each time.
  static std::unique_ptr<JobDirectory> at(const std::filesystem::path& path, const StreamingJob& job,
                                          const std::filesystem::path& log_directory);
  ~JobDirectory();
  JobDirectory(const JobDirectory&) = delete;
  JobDirectory& operator=(const JobDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::filesystem::path& logs() const { return logs_; }
  const std::vector<TaskFile>& files() const { return files_; }
  void keep_logs() { keep_logs_ = true; }

  /// `command` as it must be run inside an attempt's directory: a program that is one of the shared files is called by
  /// its name there.
  std::string localized(const std::string& command) const;

 private:
  struct Made {
    std::filesystem::path path;
  };
  JobDirectory(Made made, const StreamingJob& job, const std::filesystem::path& log_directory);
  void add(const SharedFile& file, std::size_t number);
  void remove() noexcept;

  std::filesystem::path path_;
  std::filesystem::path logs_;
  std::vector<TaskFile> files_;
  bool keep_logs_ = false;
};

/// The private directory of one attempt: work/ with links to the shared files, work/tmp for TMPDIR. Removed with this
/// object. Owned by one thread.
class AttemptDirectory {
 public:
  /// `program`: the first word of the command; when it is a shared file that may not be executed, the attempt gets a
  /// copy that may. Throws Error(out_of_disk) or Error(output).
  AttemptDirectory(const std::filesystem::path& job_directory, std::string_view attempt_id,
                   const std::vector<TaskFile>& files, std::string_view program);
  ~AttemptDirectory();
  AttemptDirectory(const AttemptDirectory&) = delete;
  AttemptDirectory& operator=(const AttemptDirectory&) = delete;

  const std::filesystem::path& work() const { return work_; }
  std::filesystem::path temporary() const { return work_ / "tmp"; }

 private:
  std::filesystem::path work_;
};

}  // namespace millrace::jobs::stream
