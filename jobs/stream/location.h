#pragma once

#include <string>
#include <string_view>

namespace millrace::jobs::stream {

/// Where Hadoop's file names point on this machine.
///
/// A plain path is itself, "file:/p", "file:///p" and "file://localhost/p" are /p. "hdfs:" names lie below the
/// directory that the environment variable MILLRACE_HDFS_ROOT names, where a directory of this machine stands in for a
/// cluster's file system; without it they are refused.
///
/// Throws Error(usage) that names the location and what to do instead when the file system is none of these.
std::string local_path(std::string_view location);

/// The part of a location before its path: "", "file://", "hdfs://host:9000", …
std::string_view location_prefix(std::string_view location);

/// An absolute location with a scheme, as clients of Hadoop expect in messages: a plain path becomes "file:///…".
std::string qualified_location(std::string_view location);

}  // namespace millrace::jobs::stream
