#include "storage/memory_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "storage/file_error.h"

namespace millrace::storage {
namespace {

using Contents = MemoryFileSystem::Contents;

/// "" is the working directory and "/" the root; every other key has neither "." nor empty components.
std::string normal(const std::string& path) {
  const bool absolute = path.starts_with('/');
  std::string key;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string component = path.substr(begin, end - begin);
    if (!component.empty() && component != ".") {
      if (absolute || !key.empty()) key += '/';
      key += component;
    }
    begin = end + 1;
  }
  return absolute && key.empty() ? "/" : key;
}

std::string parent_of(const std::string& key) {
  const std::size_t slash = key.rfind('/');
  if (slash == std::string::npos) return "";
  return slash == 0 ? "/" : key.substr(0, slash);
}

bool is_root(const std::string& key) { return key.empty() || key == "/"; }

std::string children_prefix(const std::string& key) { return is_root(key) ? key : key + "/"; }

class MemoryInputFile final : public InputFile {
 public:
  MemoryInputFile(std::string path, std::shared_ptr<const Contents> contents)
      : path_(std::move(path)), contents_(std::move(contents)) {
    const std::lock_guard lock(contents_->mutex);
    size_ = contents_->bytes.size();
  }

  std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    const std::lock_guard lock(contents_->mutex);
    if (offset >= contents_->bytes.size() || into.empty()) return 0;
    const std::size_t count = std::min(into.size(), contents_->bytes.size() - static_cast<std::size_t>(offset));
    std::memcpy(into.data(), contents_->bytes.data() + offset, count);
    return count;
  }

  std::uint64_t size() const override { return size_; }
  const std::string& path() const override { return path_; }

 private:
  std::string path_;
  std::shared_ptr<const Contents> contents_;
  std::uint64_t size_ = 0;
};

class MemoryOutputFile final : public OutputFile {
 public:
  MemoryOutputFile(std::string path, std::shared_ptr<Contents> contents)
      : path_(std::move(path)), contents_(std::move(contents)) {}

  void write(std::span<const std::byte> bytes) override {
    if (closed_) throw Error(Cause::internal, "write to " + path_ + " after it was closed");
    const std::lock_guard lock(contents_->mutex);
    contents_->bytes.insert(contents_->bytes.end(), bytes.begin(), bytes.end());
    size_ += bytes.size();
  }

  void close() override { closed_ = true; }
  std::uint64_t size() const override { return size_; }
  const std::string& path() const override { return path_; }

 private:
  std::string path_;
  std::shared_ptr<Contents> contents_;
  std::uint64_t size_ = 0;
  bool closed_ = false;
};

FileInfo info_of(std::string path, const std::shared_ptr<Contents>& contents) {
  if (contents == nullptr) return {std::move(path), FileKind::directory, 0, 0};
  const std::lock_guard lock(contents->mutex);
  return {std::move(path), FileKind::file, contents->bytes.size(), 0};
}

}  // namespace

bool MemoryFileSystem::is_directory(const std::string& key) const {
  if (is_root(key)) return true;
  const auto node = nodes_.find(key);
  return node != nodes_.end() && node->second == nullptr;
}

void MemoryFileSystem::check_parent(const std::string& key, const std::string& path) const {
  const std::string parent = parent_of(key);
  if (is_directory(parent)) return;
  throw_file_error(Cause::output, "create", path, nodes_.contains(parent) ? ENOTDIR : ENOENT);
}

bool MemoryFileSystem::has_children(const std::string& key) const {
  const std::string prefix = children_prefix(key);
  const auto next = nodes_.lower_bound(prefix);
  return next != nodes_.end() && next->first.starts_with(prefix);
}

std::unique_ptr<InputFile> MemoryFileSystem::open(const std::string& path) const {
  const std::string key = normal(path);
  const std::lock_guard lock(mutex_);
  if (is_directory(key)) throw_file_error(Cause::input, "read", path, EISDIR);
  const auto node = nodes_.find(key);
  if (node == nodes_.end()) throw_file_error(Cause::input, "open", path, ENOENT);
  return std::make_unique<MemoryInputFile>(path, node->second);
}

std::unique_ptr<OutputFile> MemoryFileSystem::create(const std::string& path) {
  const std::string key = normal(path);
  const std::lock_guard lock(mutex_);
  if (is_directory(key)) throw_file_error(Cause::output, "create", path, EISDIR);
  check_parent(key, path);
  std::shared_ptr<Contents>& contents = nodes_[key];
  if (contents == nullptr) {
    contents = std::make_shared<Contents>();
  } else {
    const std::lock_guard contents_lock(contents->mutex);
    contents->bytes.clear();
  }
  return std::make_unique<MemoryOutputFile>(path, contents);
}

bool MemoryFileSystem::stat(const std::string& path, FileInfo& info) const {
  if (path.empty()) return false;
  const std::string key = normal(path);
  const std::lock_guard lock(mutex_);
  if (is_root(key)) {
    info = info_of(path, nullptr);
    return true;
  }
  const auto node = nodes_.find(key);
  if (node == nodes_.end()) return false;
  info = info_of(path, node->second);
  return true;
}

std::vector<FileInfo> MemoryFileSystem::list(const std::string& directory) const {
  const std::string key = normal(directory);
  const std::lock_guard lock(mutex_);
  if (!is_directory(key)) {
    throw_file_error(Cause::input, "list", directory, nodes_.contains(key) ? ENOTDIR : ENOENT);
  }
  const std::string prefix = children_prefix(key);
  const std::string shown_prefix = directory.ends_with('/') ? directory : directory + "/";
  std::vector<FileInfo> entries;
  for (auto node = nodes_.lower_bound(prefix); node != nodes_.end() && node->first.starts_with(prefix); ++node) {
    const std::string name = node->first.substr(prefix.size());
    if (name.starts_with('/') || name.find('/') != std::string::npos) continue;
    entries.push_back(info_of(shown_prefix + name, node->second));
  }
  return entries;
}

void MemoryFileSystem::make_directories(const std::string& path) {
  const std::string key = normal(path);
  const std::lock_guard lock(mutex_);
  for (std::size_t end = 1; end <= key.size(); ++end) {
    if (end < key.size() && key[end] != '/') continue;
    const std::string ancestor = key.substr(0, end);
    if (is_directory(ancestor)) continue;
    if (nodes_.contains(ancestor)) throw_file_error(Cause::output, "create directory", ancestor, ENOTDIR);
    nodes_.emplace(ancestor, nullptr);
  }
}

MemoryFileSystem::Nodes MemoryFileSystem::take_tree(const std::string& key) {
  Nodes tree;
  const auto node = nodes_.find(key);
  if (node != nodes_.end()) {
    tree.emplace("", node->second);
    nodes_.erase(node);
  }
  const std::string prefix = children_prefix(key);
  auto next = nodes_.lower_bound(prefix);
  while (next != nodes_.end() && next->first.starts_with(prefix)) {
    tree.emplace(next->first.substr(key.size()), next->second);
    next = nodes_.erase(next);
  }
  return tree;
}

void MemoryFileSystem::put_tree(const std::string& key, Nodes tree) {
  for (auto& [rest, contents] : tree) nodes_[key + rest] = std::move(contents);
}

void MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  const std::string source = normal(from);
  const std::string target = normal(to);
  const std::string action = "rename " + from + " to";
  const std::lock_guard lock(mutex_);
  if (is_root(source) || is_root(target)) throw_file_error(Cause::output, action, to, EBUSY);
  if (!nodes_.contains(source)) throw_file_error(Cause::output, action, to, ENOENT);
  if (source == target) return;
  if (target.starts_with(source + "/")) throw_file_error(Cause::output, action, to, EINVAL);
  check_parent(target, to);
  if (nodes_.contains(target)) {
    const bool onto_directory = is_directory(target);
    if (onto_directory != is_directory(source)) {
      throw_file_error(Cause::output, action, to, onto_directory ? EISDIR : ENOTDIR);
    }
    if (onto_directory && has_children(target)) throw_file_error(Cause::output, action, to, ENOTEMPTY);
  }
  put_tree(target, take_tree(source));
}

bool MemoryFileSystem::exchange(const std::string& one, const std::string& other) {
  const std::string left = normal(one);
  const std::string right = normal(other);
  const std::string action = "exchange " + one + " with";
  const std::lock_guard lock(mutex_);
  if (!nodes_.contains(left) || !nodes_.contains(right)) throw_file_error(Cause::output, action, other, ENOENT);
  if (left == right) return true;
  if (left.starts_with(right + "/") || right.starts_with(left + "/")) {
    throw_file_error(Cause::output, action, other, EINVAL);
  }
  Nodes left_tree = take_tree(left);
  put_tree(left, take_tree(right));
  put_tree(right, std::move(left_tree));
  return true;
}

void MemoryFileSystem::remove_all(const std::string& path) {
  const std::string key = normal(path);
  const std::lock_guard lock(mutex_);
  if (is_root(key)) throw_file_error(Cause::output, "remove", path, EBUSY);
  take_tree(key);
}

}  // namespace millrace::storage
