#include "cli/hadoop/place.h"

#include <algorithm>

#include "jobs/stream/location.h"
#include "storage/glob.h"

namespace millrace::cli {
namespace {

using storage::FileInfo;
using storage::FileKind;

std::string without_end_slashes(std::string text, std::size_t least) {
  while (text.size() > least && text.ends_with('/')) text.pop_back();
  return text;
}

/// The entries of `directory` whose names the component matches.
void match_children(const storage::FileSystem& files, const Place& directory, std::string_view component,
                    std::vector<Place>& found) {
  FileInfo info;
  const std::string local = directory.local.empty() ? "." : directory.local;
  if (!files.stat(local, info) || info.kind != FileKind::directory) return;
  if (!storage::is_pattern(component)) {
    const Place child = directory.child(component);
    if (files.stat(child.local, info)) found.push_back(child);
    return;
  }
  for (const FileInfo& entry : files.list(local)) {
    const std::string name = entry.path.substr(entry.path.rfind('/') + 1);
    if (name.starts_with('.') && !component.starts_with('.')) continue;
    if (storage::matches(component, name)) found.push_back(directory.child(name));
  }
}

}  // namespace

Place Place::child(std::string_view name) const {
  const auto join = [&](const std::string& base) {
    return base.empty() ? std::string(name) : base + (base.ends_with('/') ? "" : "/") + std::string(name);
  };
  return {join(shown), join(local)};
}

std::string Place::name() const { return local.substr(local.rfind('/') + 1); }

Place place_of(std::string_view argument) {
  const std::size_t prefix = jobs::stream::location_prefix(argument).size();
  Place place{without_end_slashes(std::string(argument), prefix + 1), jobs::stream::local_path(argument)};
  place.local = without_end_slashes(place.local, 1);
  return place;
}

std::vector<Place> expand(const storage::FileSystem& files, std::string_view argument) {
  const Place whole = place_of(argument);
  FileInfo info;
  if (files.stat(whole.local, info)) return {whole};
  std::vector<Place> all;
  for (const std::string& pattern : storage::expand_braces(whole.shown)) {
    const std::string_view prefix = jobs::stream::location_prefix(pattern);
    std::string_view rest = std::string_view(pattern).substr(prefix.size());
    std::vector<Place> found = {Place{}};
    if (rest.starts_with('/')) {
      const std::string root = std::string(prefix) + "/";
      found.front() = {root, jobs::stream::local_path(root)};
    }
    while (!rest.empty()) {
      const std::size_t slash = rest.find('/');
      const std::string_view component = rest.substr(0, slash);
      rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
      if (component.empty()) continue;
      std::vector<Place> next;
      for (const Place& directory : found) match_children(files, directory, component, next);
      found = std::move(next);
    }
    all.insert(all.end(), found.begin(), found.end());
  }
  std::sort(all.begin(), all.end(), [](const Place& a, const Place& b) { return a.local < b.local; });
  return all;
}

}  // namespace millrace::cli
