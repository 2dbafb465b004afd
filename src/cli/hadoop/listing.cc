#include "cli/hadoop/listing.h"

#include <ctime>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace millrace::cli {
namespace {

std::string user_name() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry != nullptr ? entry->pw_name : std::to_string(::geteuid());
}

std::string group_name() {
  const group* entry = ::getgrgid(::getegid());
  return entry != nullptr ? entry->gr_name : std::to_string(::getegid());
}

std::string human_size(std::uint64_t bytes) {
  constexpr std::string_view units = "KMGTPE";
  if (bytes < 1024) return std::to_string(bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace

std::string listing_line(const storage::FileInfo& info, std::string_view path) {
  const bool directory = info.kind == storage::FileKind::directory;
  const std::time_t time = info.modified_seconds;
  std::tm parts{};
  ::localtime_r(&time, &parts);
  return fmt::format("{}   {} {} {} {:>10} {:04}-{:02}-{:02} {:02}:{:02} {}", directory ? "drwxr-xr-x" : "-rw-r--r--",
                     directory ? '-' : '1', user_name(), group_name(), directory ? 0 : info.size, parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, path);
}

std::string usage_line(std::uint64_t bytes, bool human, std::string_view path) {
  const std::string size = human ? human_size(bytes) : std::to_string(bytes);
  return fmt::format("{}  {}  {}", size, size, path);
}

}  // namespace millrace::cli
