#include "storage/local_file_system.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "storage/file_error.h"

namespace millrace::storage {
namespace {

/// A single read or write of the kernel moves at most this much (0x7ffff000 on Linux); asking for less keeps it whole.
constexpr std::size_t largest_transfer = std::size_t{1} << 30;

FileKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::file;
  return S_ISDIR(mode) ? FileKind::directory : FileKind::other;
}

FileInfo info_of(std::string path, const struct stat& status) {
  const FileKind kind = kind_of(status.st_mode);
  return {std::move(path), kind, kind == FileKind::file ? static_cast<std::uint64_t>(status.st_size) : 0,
          static_cast<std::int64_t>(status.st_mtime)};
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

class LocalInputFile final : public InputFile {
 public:
  explicit LocalInputFile(const std::string& path)
      // Without O_NONBLOCK, opening a named pipe waits for its writer.
      : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_.get() < 0) throw_file_error(Cause::input, "open", path_, errno);
    struct stat status {};
    if (::fstat(descriptor_.get(), &status) != 0) throw_file_error(Cause::input, "stat", path_, errno);
    if (S_ISDIR(status.st_mode)) throw_file_error(Cause::input, "read", path_, EISDIR);
    if (!S_ISREG(status.st_mode)) throw Error(Cause::input, "cannot read " + path_ + ": it is not a regular file");
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  int descriptor() const override { return descriptor_.get(); }
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t got = ::pread(descriptor_.get(), into.data() + done, std::min(into.size() - done, largest_transfer),
                                  static_cast<off_t>(offset + done));
      if (got == 0) break;
      if (got < 0) {
        if (errno == EINTR) continue;
        throw_file_error(Cause::input, "read", path_ + " at byte " + std::to_string(offset + done), errno);
      }
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  std::uint64_t size() const override { return size_; }
  const std::string& path() const override { return path_; }

 private:
  std::string path_;
  Descriptor descriptor_;
  std::uint64_t size_ = 0;
};

class LocalOutputFile final : public OutputFile {
 public:
  explicit LocalOutputFile(const std::string& path)
      : path_(path), descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (descriptor_.get() < 0) throw_file_error(Cause::output, "create", path_, errno);
  }

  void write(std::span<const std::byte> bytes) override {
    if (descriptor_.get() < 0) throw Error(Cause::internal, "write to " + path_ + " after it was closed");
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t put =
          ::write(descriptor_.get(), bytes.data() + done, std::min(bytes.size() - done, largest_transfer));
      if (put < 0) {
        if (errno == EINTR) continue;
        throw_file_error(Cause::output, "write", path_, errno);
      }
      done += static_cast<std::size_t>(put);
      size_ += static_cast<std::uint64_t>(put);
    }
  }

  void close() override {
    const int descriptor = descriptor_.release();
    if (descriptor < 0) return;
    // Linux frees the descriptor even when close reports EINTR, so there is nothing to try again.
    if (::close(descriptor) != 0 && errno != EINTR) throw_file_error(Cause::output, "close", path_, errno);
  }

  std::uint64_t size() const override { return size_; }
  const std::string& path() const override { return path_; }

 private:
  std::string path_;
  Descriptor descriptor_;
  std::uint64_t size_ = 0;
};

class Directory {
 public:
  explicit Directory(const std::string& path) : stream_(::opendir(path.c_str())) {}
  /// Takes the descriptor, which must be a directory's.
  explicit Directory(int descriptor) : stream_(::fdopendir(descriptor)) {
    if (stream_ == nullptr) ::close(descriptor);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    if (stream_ != nullptr) ::closedir(stream_);
  }
  bool valid() const { return stream_ != nullptr; }
  int descriptor() const { return ::dirfd(stream_); }
  /// The next entry other than "." and "..", or nullptr at the end or on an error (errno is then not 0).
  const dirent* next() {
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(stream_);
      if (entry == nullptr) return nullptr;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") return entry;
    }
  }

 private:
  DIR* stream_;
};

/// Removes what `name` is under the open directory `parent`, never following a symbolic link out of the tree.
void remove_tree(int parent, const char* name, const std::string& path) {
  if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT || errno == ENOTDIR) return;
  if (errno != EISDIR && errno != EPERM) throw_file_error(Cause::output, "remove", path, errno);
  const int descriptor = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT) return;
    throw_file_error(Cause::output, "remove", path, errno);
  }
  Directory directory(descriptor);
  if (!directory.valid()) throw_file_error(Cause::output, "remove", path, errno);
  std::vector<std::string> names;
  while (const dirent* entry = directory.next()) names.emplace_back(entry->d_name);
  if (errno != 0) throw_file_error(Cause::output, "list", path, errno);
  for (const std::string& child : names) remove_tree(directory.descriptor(), child.c_str(), path + "/" + child);
  if (::unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
    throw_file_error(Cause::output, "remove", path, errno);
  }
}

class LocalFileSystem final : public FileSystem {
 public:
  std::unique_ptr<InputFile> open(const std::string& path) const override {
    return std::make_unique<LocalInputFile>(path);
  }

  std::unique_ptr<OutputFile> create(const std::string& path) override {
    return std::make_unique<LocalOutputFile>(path);
  }

  bool stat(const std::string& path, FileInfo& info) const override {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return false;
      throw_file_error(Cause::input, "stat", path, errno);
    }
    info = info_of(path, status);
    return true;
  }

  std::vector<FileInfo> list(const std::string& path) const override {
    Directory directory(path);
    if (!directory.valid()) throw_file_error(Cause::input, "list", path, errno);
    const std::string prefix = path.ends_with('/') ? path : path + "/";
    std::vector<FileInfo> entries;
    while (const dirent* entry = directory.next()) {
      struct stat status {};
      std::string entry_path = prefix + entry->d_name;
      if (::fstatat(directory.descriptor(), entry->d_name, &status, 0) == 0) {
        entries.push_back(info_of(std::move(entry_path), status));
      } else if (errno == ENOENT || errno == ELOOP) {
        // A symbolic link to nothing is an entry all the same; a file that went away since is not.
        if (::fstatat(directory.descriptor(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
        entries.push_back({std::move(entry_path), FileKind::other, 0, static_cast<std::int64_t>(status.st_mtime)});
      } else {
        throw_file_error(Cause::input, "stat", entry_path, errno);
      }
    }
    if (errno != 0) throw_file_error(Cause::input, "list", path, errno);
    std::sort(entries.begin(), entries.end(), [](const FileInfo& a, const FileInfo& b) { return a.path < b.path; });
    return entries;
  }

  void make_directories(const std::string& path) override {
    for (std::size_t end = 1; end <= path.size(); ++end) {
      if (end < path.size() && path[end] != '/') continue;
      const std::string ancestor = path.substr(0, end);
      if (::mkdir(ancestor.c_str(), 0777) == 0) continue;
      const int error = errno;
      struct stat status {};
      // An existing directory may say EROFS or EACCES to mkdir rather than EEXIST.
      if (::stat(ancestor.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) continue;
      throw_file_error(Cause::output, "create directory", ancestor, error == EEXIST ? ENOTDIR : error);
    }
  }

  void rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) throw_file_error(Cause::output, "rename " + from + " to", to, errno);
  }

  bool exchange(const std::string& one, const std::string& other) override {
    if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0) return true;
    if (errno == EINVAL || errno == ENOSYS) return false;
    throw_file_error(Cause::output, "exchange " + one + " with", other, errno);
  }

  void remove_all(const std::string& path) override {
    std::string bare = path;
    while (bare.size() > 1 && bare.ends_with('/')) bare.pop_back();
    remove_tree(AT_FDCWD, bare.c_str(), bare);
  }
};

}  // namespace

FileSystem& local_file_system() {
  static LocalFileSystem* instance = new LocalFileSystem;
  return *instance;
}

}  // namespace millrace::storage
