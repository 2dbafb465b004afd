#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The one seam for files. Implementations: local_file_system.h, memory_file_system.h, faulty_file_system.h (wraps
// another one and injects failures from a seed). All pass the same conformance suite.
//
// Errors: every call throws millrace::Error whose text names the path and what the system said; causes are `input` for
// what is read, `output` for what is written, `out_of_disk` for ENOSPC, EDQUOT and EROFS, `bad_data` for content.
// Threads: a FileSystem may be used by any number of threads; a file object by one at a time, except that
// InputFile::read_at may be called by many.

namespace millrace::storage {

enum class FileKind : std::uint8_t { file, directory, other };

struct FileInfo {
  std::string path;
  FileKind kind = FileKind::file;
  std::uint64_t size = 0;             ///< bytes; 0 for a directory
  std::int64_t modified_seconds = 0;  ///< since the epoch
};

class InputFile {
 public:
  virtual ~InputFile() = default;
  /// Reads up to into.size() bytes at `offset`. Returns how many; fewer only at the end of the file, 0 past it.
  virtual std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) const = 0;
  virtual std::uint64_t size() const = 0;
  virtual const std::string& path() const = 0;
  /// Of the system, for calls that work on files alone; negative where there is none.
  virtual int descriptor() const { return -1; }
};

class OutputFile {
 public:
  /// Closes without a sync when close() was not called; what was written then has no promise.
  virtual ~OutputFile() = default;
  virtual void write(std::span<const std::byte> bytes) = 0;
  /// Everything written is in the file, and errors that were deferred are thrown here.
  virtual void close() = 0;
  virtual std::uint64_t size() const = 0;
  virtual const std::string& path() const = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual std::unique_ptr<InputFile> open(const std::string& path) const = 0;
  /// Creates or truncates; the parent directory must exist.
  virtual std::unique_ptr<OutputFile> create(const std::string& path) = 0;
  /// Returns false, without a throw, when there is nothing at `path`.
  virtual bool stat(const std::string& path, FileInfo& info) const = 0;
  /// The entries of a directory, sorted by path; not recursive.
  virtual std::vector<FileInfo> list(const std::string& directory) const = 0;
  virtual void make_directories(const std::string& path) = 0;
  /// Atomic; replaces a file at `to`; throws when `to` is a directory that is not empty.
  virtual void rename(const std::string& from, const std::string& to) = 0;
  /// Swaps what is at two paths, both of which exist, in one step. Returns false, having done nothing, when this file
  /// system cannot do that.
  virtual bool exchange(const std::string& one, const std::string& other) {
    static_cast<void>(one);
    static_cast<void>(other);
    return false;
  }
  /// Removes a file or a whole tree. It is not an error when there is nothing at `path`.
  virtual void remove_all(const std::string& path) = 0;
};

}  // namespace millrace::storage
