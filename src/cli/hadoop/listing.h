#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/file_system.h"

namespace millrace::cli {

/// One line of `hadoop fs -ls`: permissions, replication, owner, group, size, date, time, path. Eight columns; the path
/// is everything behind the time. Owner and group are those of this process, and permissions the usual ones: no client
/// reads more than the first letter.
std::string listing_line(const storage::FileInfo& info, std::string_view path);

/// One line of `hadoop fs -du`: size, size with replicas, path.
std::string usage_line(std::uint64_t bytes, bool human, std::string_view path);

}  // namespace millrace::cli
