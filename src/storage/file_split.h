#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "storage/file_system.h"

namespace millrace::storage {

/// A piece of an input file: the unit that one task reads. A line, record or block belongs to the split in which its
/// first byte lies, so every one belongs to exactly one split of a file, however it is cut.
struct FileSplit {
  std::string path;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  ///< of the file as it is on disk; not less than begin
  /// The file as a whole: begin is 0, end the size when it was listed, and it is decompressed when its content is
  /// compressed. A split that is not whole is read as it is.
  bool whole = true;
};

/// Cuts each file into pieces of `split_bytes` (the last one of a file is shorter; > 0), in order. Files that are no
/// larger, files that are compressed, and empty ones are whole. Opens only files that are larger.
std::vector<FileSplit> split_files(const FileSystem& files, std::span<const FileInfo> inputs,
                                   std::uint64_t split_bytes);

}  // namespace millrace::storage
