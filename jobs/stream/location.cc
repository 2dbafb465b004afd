#include "jobs/stream/location.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>

#include <millrace/error.h>

namespace millrace::jobs::stream {
namespace {

/// The length of "scheme:" at the begin of a location; 0 for a plain path. A colon behind a slash is part of a name.
std::size_t scheme_length(std::string_view location) {
  const std::size_t colon = location.find_first_of(":/");
  if (colon == std::string_view::npos || colon == 0 || location[colon] != ':') return 0;
  return location.substr(colon + 1).starts_with('/') ? colon + 1 : 0;
}

}  // namespace

std::string_view location_prefix(std::string_view location) {
  const std::size_t scheme = scheme_length(location);
  if (scheme == 0 || !location.substr(scheme).starts_with("//")) return location.substr(0, scheme);
  const std::size_t path = location.find('/', scheme + 2);
  return location.substr(0, path);
}

std::string local_path(std::string_view location) {
  const std::string_view prefix = location_prefix(location);
  const std::string_view path = location.substr(prefix.size());
  if (prefix.empty()) return std::string(path);
  if (prefix == "file:" || prefix == "file://" || prefix == "file://localhost") {
    return path.empty() ? "/" : std::string(path);
  }
  if (prefix.starts_with("hdfs:")) {
    const char* root = std::getenv("MILLRACE_HDFS_ROOT");
    if (root != nullptr && *root != '\0') return fmt::format("{}{}", root, path.empty() ? "/" : path);
    throw Error(Cause::usage,
                fmt::format("{}: HDFS is not supported: copy the data to this machine and name its plain path "
                            "or file:// location, or set MILLRACE_HDFS_ROOT to a directory that stands in for "
                            "hdfs:///",
                            location));
  }
  throw Error(Cause::usage, fmt::format("{}: there is no file system '{}'; use a plain path or a file:// location",
                                        location, prefix.substr(0, prefix.find(':'))));
}

std::string qualified_location(std::string_view location) {
  const std::string_view prefix = location_prefix(location);
  if (prefix.ends_with(':')) return fmt::format("{}//{}", prefix, location.substr(prefix.size()));
  if (!prefix.empty()) return std::string(location);
  return "file://" + std::filesystem::absolute(std::filesystem::path(location)).lexically_normal().string();
}

}  // namespace millrace::jobs::stream
