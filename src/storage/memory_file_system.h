#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/file_system.h"

namespace millrace::storage {

/// Files that live in this object, for tests and for the simulator. It starts with two empty directories, "/" and the
/// working directory ".", and keeps the promises of the local one, that of open files that are removed included.
/// File objects may outlive the file system. modified_seconds is always 0, so that runs are alike.
class MemoryFileSystem final : public FileSystem {
 public:
  MemoryFileSystem() = default;
  MemoryFileSystem(const MemoryFileSystem&) = delete;
  MemoryFileSystem& operator=(const MemoryFileSystem&) = delete;

  std::unique_ptr<InputFile> open(const std::string& path) const override;
  std::unique_ptr<OutputFile> create(const std::string& path) override;
  bool stat(const std::string& path, FileInfo& info) const override;
  std::vector<FileInfo> list(const std::string& directory) const override;
  void make_directories(const std::string& path) override;
  void rename(const std::string& from, const std::string& to) override;
  bool exchange(const std::string& one, const std::string& other) override;
  void remove_all(const std::string& path) override;

  /// The bytes of one file; what write() has taken so far.
  struct Contents {
    mutable std::mutex mutex;
    std::vector<std::byte> bytes;
  };

 private:
  /// No contents: a directory. Keys are normal paths: no "." and "//", no slash at the end; those of a directory's
  /// descendants are the range that begins with its key and a slash.
  using Nodes = std::map<std::string, std::shared_ptr<Contents>>;

  bool is_directory(const std::string& key) const;
  void check_parent(const std::string& key, const std::string& path) const;
  bool has_children(const std::string& key) const;
  /// Takes the tree at `key` out; its keys become relative to `key`.
  Nodes take_tree(const std::string& key);
  void put_tree(const std::string& key, Nodes tree);

  mutable std::mutex mutex_;
  Nodes nodes_;
};

}  // namespace millrace::storage
