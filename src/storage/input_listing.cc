#include "storage/input_listing.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include <millrace/error.h>

#include "storage/glob.h"

namespace millrace::storage {
namespace {

std::string_view file_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool is_hidden(std::string_view file) { return file.starts_with('_') || file.starts_with('.'); }

std::vector<std::string_view> split_components(std::string_view pattern) {
  std::vector<std::string_view> components;
  for (std::size_t begin = 0; begin < pattern.size();) {
    const std::size_t end = std::min(pattern.find('/', begin), pattern.size());
    if (end > begin) components.push_back(pattern.substr(begin, end - begin));
    begin = end + 1;
  }
  return components;
}

/// Walks down the components of one glob without braces.
class GlobWalk {
 public:
  GlobWalk(const FileSystem& files, std::string_view pattern, std::vector<FileInfo>& found)
      : files_(files), components_(split_components(pattern)), found_(found) {
    if (!components_.empty()) walk(pattern.starts_with('/') ? "/" : "", 0);
  }

 private:
  /// `base` is empty, "/", or the path of a directory with a slash at its end.
  void walk(const std::string& base, std::size_t at) {
    const std::string_view component = components_[at];
    if (component == "**") {
      walk_tree(base, at);
    } else if (is_pattern(component)) {
      for (FileInfo& entry : entries(base)) {
        const std::string_view file = file_name(entry.path);
        if (is_hidden(file) && file.front() != component.front()) continue;
        if (matches(component, file)) take(std::move(entry), at);
      }
    } else {
      FileInfo info;
      if (files_.stat(base + unescape(component), info)) take(std::move(info), at);
    }
  }

  void take(FileInfo entry, std::size_t at) {
    if (at + 1 == components_.size()) {
      found_.push_back(std::move(entry));
    } else if (entry.kind == FileKind::directory) {
      walk(entry.path + "/", at + 1);
    }
  }

  void walk_tree(const std::string& base, std::size_t at) {
    const bool last = at + 1 == components_.size();
    if (!last) walk(base, at + 1);
    for (FileInfo& entry : entries(base)) {
      if (is_hidden(file_name(entry.path))) continue;
      if (entry.kind == FileKind::directory) {
        walk_tree(entry.path + "/", at);
      } else if (last) {
        found_.push_back(std::move(entry));
      }
    }
  }

  std::vector<FileInfo> entries(const std::string& base) const {
    std::vector<FileInfo> listed = files_.list(base.empty() ? "." : base);
    if (base.empty()) {
      for (FileInfo& entry : listed) entry.path.erase(0, 2);
    }
    return listed;
  }

  const FileSystem& files_;
  std::vector<std::string_view> components_;
  std::vector<FileInfo>& found_;
};

void require_file(const FileSystem& files, const FileInfo& info, std::string_view directory) {
  if (info.kind == FileKind::directory) {
    throw Error(Cause::input, fmt::format("cannot read the directory {0} inside {1}: name its files, or say {1}/** for "
                                          "the whole tree",
                                          info.path, directory));
  }
  if (info.kind == FileKind::other) {
    throw Error(Cause::input,
                fmt::format("cannot read {}: it is neither a file nor a directory, or a link to nothing", info.path));
  }
  // Whether a file may be read is only known by opening it, and before any work is the time to know.
  files.open(info.path);
}

void add_found(const FileSystem& files, FileInfo found, std::vector<FileInfo>& inputs) {
  if (found.kind != FileKind::directory) {
    require_file(files, found, "");
    inputs.push_back(std::move(found));
    return;
  }
  for (FileInfo& entry : files.list(found.path)) {
    if (is_hidden(file_name(entry.path))) continue;
    require_file(files, entry, found.path);
    inputs.push_back(std::move(entry));
  }
}

std::vector<FileInfo> list_pattern(const FileSystem& files, const std::string& pattern) {
  std::vector<FileInfo> found;
  FileInfo info;
  if (files.stat(pattern, info)) {
    found.push_back(std::move(info));
  } else if (is_pattern(pattern)) {
    for (const std::string& choice : expand_braces(pattern)) GlobWalk(files, choice, found);
    if (found.empty()) throw Error(Cause::input, "no input matches " + pattern);
  } else {
    throw Error(Cause::input, fmt::format("cannot read {}: No such file or directory", pattern));
  }
  std::vector<FileInfo> inputs;
  for (FileInfo& one : found) add_found(files, std::move(one), inputs);
  std::sort(inputs.begin(), inputs.end(), [](const FileInfo& a, const FileInfo& b) { return a.path < b.path; });
  const auto same = [](const FileInfo& a, const FileInfo& b) { return a.path == b.path; };
  inputs.erase(std::unique(inputs.begin(), inputs.end(), same), inputs.end());
  return inputs;
}

}  // namespace

std::vector<FileInfo> list_inputs(const FileSystem& files, std::span<const std::string> patterns) {
  std::vector<FileInfo> inputs;
  for (const std::string& pattern : patterns) {
    std::vector<FileInfo> listed = list_pattern(files, pattern);
    std::move(listed.begin(), listed.end(), std::back_inserter(inputs));
  }
  return inputs;
}

}  // namespace millrace::storage
