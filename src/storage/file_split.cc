#include "storage/file_split.h"

#include <algorithm>

#include "storage/compression.h"

namespace millrace::storage {

std::vector<FileSplit> split_files(const FileSystem& files, std::span<const FileInfo> inputs,
                                   std::uint64_t split_bytes) {
  std::vector<FileSplit> splits;
  splits.reserve(inputs.size());
  for (const FileInfo& input : inputs) {
    if (input.size <= split_bytes || detect_compression(*files.open(input.path)) != Compression::none) {
      splits.push_back({input.path, 0, input.size, true});
      continue;
    }
    for (std::uint64_t begin = 0; begin < input.size; begin += split_bytes) {
      splits.push_back({input.path, begin, begin + std::min(split_bytes, input.size - begin), false});
    }
  }
  return splits;
}

}  // namespace millrace::storage
