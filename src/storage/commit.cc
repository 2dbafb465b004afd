#include "storage/commit.h"

#include <charconv>
#include <fmt/format.h>

#include <millrace/error.h>

namespace millrace::storage {
namespace {

/// Makes the directory of an attempt that wrote nothing non-empty: a rename onto an empty directory would succeed, and
/// a second attempt could take the place of the first.
constexpr const char* marker = ".nothing-written";

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string temporary_place(const std::string& directory, const std::string& token) {
  const std::size_t slash = directory.rfind('/');
  const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
  const std::string file = directory.substr(begin);
  if (file.empty() || file == "." || file == "..") {
    throw Error(Cause::output,
                fmt::format("\"{}\" cannot be an output: name a directory that is to be made", directory));
  }
  return fmt::format("{}.{}.{}.tmp", directory.substr(0, begin), file, token);
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::string part_name(std::uint32_t partition) { return fmt::format("part-{:05}", partition); }

OutputCommit::OutputCommit(FileSystem& files, const std::string& directory, bool overwrite,
                           const std::string& job_token)
    : files_(files),
      directory_(without_slashes(directory)),
      temporary_(temporary_place(directory_, job_token)),
      overwrite_(overwrite),
      token_(job_token) {}

std::string OutputCommit::mark_in(const std::string& directory) const {
  return fmt::format("{}/.millrace-{}", directory, token_);
}

bool OutputCommit::is_in_place() const {
  FileInfo info;
  return resumable_ && files_.stat(mark_in(directory_), info);
}

void OutputCommit::check_absent() const {
  FileInfo info;
  if (overwrite_ || !files_.stat(directory_, info)) return;
  throw Error(Cause::output,
              fmt::format("the output {} exists: remove it, name another, or say --overwrite", directory_));
}

void OutputCommit::set_up_job() {
  if (!is_in_place()) check_absent();
  files_.make_directories(temporary_ + "/attempts");
  files_.make_directories(temporary_ + "/tasks");
  for (const FileInfo& task : files_.list(temporary_ + "/tasks")) {
    const std::string number = file_name(task.path);
    std::uint32_t partition = 0;
    std::from_chars(number.data(), number.data() + number.size(), partition);
    committed_.emplace(partition, std::nullopt);
  }
}

bool OutputCommit::is_committed(std::uint32_t partition) const {
  const std::lock_guard lock(mutex_);
  return committed_.contains(partition);
}

std::vector<std::uint32_t> OutputCommit::committed() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint32_t> out;
  for (const auto& task : committed_) out.push_back(task.first);
  return out;
}

bool OutputCommit::has_attempt(std::uint32_t partition, std::uint32_t attempt) const {
  FileInfo info;
  return files_.stat(attempt_path(partition, attempt), info);
}

void OutputCommit::drop_attempts(const std::set<std::pair<std::uint32_t, std::uint32_t>>& running) {
  std::set<std::string> kept;
  for (const auto& [partition, attempt] : running) kept.insert(attempt_path(partition, attempt));
  for (const FileInfo& entry : files_.list(temporary_ + "/attempts")) {
    if (!kept.contains(entry.path)) files_.remove_all(entry.path);
  }
}

void OutputCommit::take_back(std::uint32_t partition) {
  const std::lock_guard lock(mutex_);
  files_.remove_all(task_path(partition));
  committed_.erase(partition);
}

std::string OutputCommit::attempt_path(std::uint32_t partition, std::uint32_t attempt) const {
  return fmt::format("{}/attempts/{}-{}", temporary_, partition, attempt);
}

std::string OutputCommit::task_path(std::uint32_t partition) const {
  return fmt::format("{}/tasks/{}", temporary_, partition);
}

std::string OutputCommit::attempt_directory(std::uint32_t partition, std::uint32_t attempt) {
  std::string path = attempt_path(partition, attempt);
  files_.remove_all(path);
  files_.make_directories(path);
  return path;
}

bool OutputCommit::commit_task(std::uint32_t partition, std::uint32_t attempt) {
  const std::string path = attempt_path(partition, attempt);
  const std::lock_guard lock(mutex_);
  const auto winner = committed_.find(partition);
  if (winner != committed_.end()) {
    if (winner->second == attempt) return true;
    files_.remove_all(path);
    return false;
  }
  if (files_.list(path).empty()) files_.create(path + "/" + marker)->close();
  files_.rename(path, task_path(partition));
  committed_.emplace(partition, attempt);
  return true;
}

void OutputCommit::remove_if_possible(const std::string& path) noexcept {
  try {
    files_.remove_all(path);
  } catch (const Error&) {
    // On a disk that turned read-only everything fails, and the first failure is the one to tell.
  }
}

void OutputCommit::abort_task(std::uint32_t partition, std::uint32_t attempt) {
  remove_if_possible(attempt_path(partition, attempt));
}

void OutputCommit::move_tree(const std::string& from, const std::string& to) {
  for (const FileInfo& entry : files_.list(from)) {
    const std::string file = file_name(entry.path);
    if (file == marker) continue;
    const std::string target = to + "/" + file;
    if (entry.kind == FileKind::directory) {
      files_.make_directories(target);
      move_tree(entry.path, target);
      continue;
    }
    FileInfo other;
    if (files_.stat(target, other)) {
      throw Error(Cause::output, fmt::format("two tasks of the job that writes {} wrote a file {}: give their files "
                                             "different names, for example by the partition's number",
                                             directory_, target.substr(temporary_.size() + sizeof("/output"))));
    }
    files_.rename(entry.path, target);
  }
}

void OutputCommit::commit_job() {
  if (is_in_place()) return;
  const std::string output = temporary_ + "/output";
  files_.make_directories(output);
  for (const auto& task : committed_) {
    FileInfo info;
    // It is gone when an earlier run of this job stopped in the middle of this function.
    if (!files_.stat(task_path(task.first), info)) continue;
    move_tree(task_path(task.first), output);
  }
  files_.create(output + "/_SUCCESS")->close();
  if (resumable_) files_.create(mark_in(output))->close();
  put_in_place();
  // The output is complete; failing the job now would be the greater harm.
  if (!resumable_) remove_if_possible(temporary_);
}

void OutputCommit::clean_up() noexcept {
  remove_if_possible(temporary_);
  remove_if_possible(mark_in(directory_));
}

void OutputCommit::put_in_place() {
  check_absent();
  FileInfo info;
  if (files_.stat(directory_, info)) {
    replace_old_output();
  } else {
    files_.rename(temporary_ + "/output", directory_);
  }
}

void OutputCommit::replace_old_output() {
  const std::string output = temporary_ + "/output";
  if (files_.exchange(output, directory_)) return;
  const std::string old = temporary_ + "/old";
  files_.rename(directory_, old);
  try {
    files_.rename(output, directory_);
  } catch (const Error& error) {
    try {
      files_.rename(old, directory_);
    } catch (const Error& second) {
      old_output_stranded_ = true;
      throw Error(error.cause(), fmt::format("{}; the old output is now {}, since it could not be put back ({})",
                                             error.what(), old, second.what()));
    }
    throw;
  }
}

void OutputCommit::abort_job() {
  if (!old_output_stranded_) {
    remove_if_possible(temporary_);
    return;
  }
  for (const char* part : {"/attempts", "/tasks", "/output"}) remove_if_possible(temporary_ + part);
}

}  // namespace millrace::storage
