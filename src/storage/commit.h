#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/file_system.h"

namespace millrace::storage {

/// "part-00000": the name of a partition's main output file.
std::string part_name(std::uint32_t partition);

/// Makes an output directory appear whole or not at all. While the job runs, everything lies beside the output, in
/// `.<name>.<token>.tmp` of the same parent directory, so that every step is a rename inside one file system:
///
///   attempts/<partition>-<attempt>/   what an attempt writes: its part file, and side-effect files of any name
///   tasks/<partition>/                the attempt that committed first
///   output/                           what will be the output directory; made by commit_job()
///
/// A job that may resume has a hidden file in its output from just before it is put in place until clean_up().
///
/// The order of calls: set_up_job(), then attempt_directory() and commit_task() or abort_task() for each attempt, then
/// commit_job() or abort_job(). Errors are thrown as Error(output) or Error(out_of_disk); after one, abort_task() and
/// abort_job() clean up as far as the file system lets them, and throw nothing. Threads: any, except that set_up_job(),
/// commit_job() and abort_job() run alone.
class OutputCommit {
 public:
  /// `directory` is the output; `job_token` tells jobs apart that write to one parent at the same time, and is what a
  /// job that resumes has to give again. `files` outlives the object.
  OutputCommit(FileSystem& files, const std::string& directory, bool overwrite, const std::string& job_token);
  OutputCommit(const OutputCommit&) = delete;
  OutputCommit& operator=(const OutputCommit&) = delete;

  /// Refuses an output that exists, unless `overwrite`; makes the parent when it is missing and the temporary place, so
  /// that a parent that cannot be written is known before any work. Tasks that an earlier run with the same token
  /// committed stay committed.
  void set_up_job();

  /// The process may die at any moment, and another one goes on with the same token. Before set_up_job(). commit_job()
  /// leaves a mark with the output, by which a job that resumes knows its own; clean_up() takes it away.
  void make_resumable() { resumable_ = true; }

  bool is_committed(std::uint32_t partition) const;
  std::vector<std::uint32_t> committed() const;
  /// Whether the attempt has left something, with which it could be committed.
  bool has_attempt(std::uint32_t partition, std::uint32_t attempt) const;
  /// What attempts wrote that were not committed goes, but for those that still run, by partition and number. Before
  /// the first attempt of this process.
  void drop_attempts(const std::set<std::pair<std::uint32_t, std::uint32_t>>& running);
  /// The task has not been done after all: its files go.
  void take_back(std::uint32_t partition);

  /// The directory into which this attempt writes, whoever makes it.
  std::string attempt_path(std::uint32_t partition, std::uint32_t attempt) const;
  /// Makes that directory, empty.
  std::string attempt_directory(std::uint32_t partition, std::uint32_t attempt);

  /// Everything in the attempt's directory becomes the task's output, in one step. Returns false, and removes the
  /// attempt's files, when another attempt of the partition has committed; true again for the one that has.
  bool commit_task(std::uint32_t partition, std::uint32_t attempt);
  void abort_task(std::uint32_t partition, std::uint32_t attempt);

  /// Puts the committed tasks' files and an empty `_SUCCESS` in the place of the output, all at once; an old output is
  /// replaced by it (one exchange where the file system can; else two renames, and the first is taken back when the
  /// second fails). Two tasks that wrote files of the same path are an Error(output). When it returns, the output is
  /// complete; a temporary directory that cannot be removed then is left.
  void commit_job();

  /// After commit_job() of a job that may resume, when it is known elsewhere that the output is complete.
  void clean_up() noexcept;

  /// Removes everything temporary that can be removed. Nothing to do is not an error. An old output that could not be
  /// put back stays where the error of commit_job() said.
  void abort_job();

  const std::string& directory() const { return directory_; }
  const std::string& temporary_directory() const { return temporary_; }

 private:
  std::string task_path(std::uint32_t partition) const;
  std::string mark_in(const std::string& directory) const;
  bool is_in_place() const;
  void check_absent() const;
  void remove_if_possible(const std::string& path) noexcept;
  void move_tree(const std::string& from, const std::string& to);
  void put_in_place();
  void replace_old_output();

  FileSystem& files_;
  std::string directory_;
  std::string temporary_;
  bool overwrite_;
  std::string token_;
  bool resumable_ = false;
  mutable std::mutex mutex_;
  /// Which attempt committed; no number when an earlier run did.
  std::map<std::uint32_t, std::optional<std::uint32_t>> committed_;
  bool old_output_stranded_ = false;
};

}  // namespace millrace::storage
