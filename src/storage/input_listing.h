#pragma once

#include <span>
#include <string>
#include <vector>

#include "storage/file_system.h"

namespace millrace::storage {

/// The input files that the patterns name, in the order of the patterns and sorted by path (bytes) inside each. A
/// pattern is, in this order, the path of a file or directory that exists, or a glob (see glob.h) of files and
/// directories. A directory stands for the files in it. Names that begin with `_` or `.` are left out of directories
/// and of what a wildcard matches, as Hadoop does, unless the wildcard's own first byte says so (`_*`).
/// A file that two patterns name is listed twice; one that a single pattern names twice is listed once.
///
/// Throws Error(input), naming the path: nothing matches; a directory has a directory in it (`dir/**` means the whole
/// tree); something is neither file nor directory; a file cannot be opened for reading. A directory without files is
/// not an error and gives none.
std::vector<FileInfo> list_inputs(const FileSystem& files, std::span<const std::string> patterns);

}  // namespace millrace::storage
