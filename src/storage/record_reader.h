#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>

#include "storage/byte_stream.h"
#include "storage/file_split.h"
#include "storage/file_system.h"
#include "storage/padded_buffer.h"
#include "storage/text_reader.h"

namespace millrace::storage {

/// Reads the records of `record_bytes` bytes each of a split, many at a time. A record belongs to the split in which
/// its first byte lies. Ownership and threads: as for TextReader.
class RecordReader {
 public:
  /// `record_bytes` > 0. Throws Error(input) when the file cannot be read, and Error(bad_data) naming file and byte
  /// when its size is no multiple of record_bytes (for a compressed file, next() throws that at its end).
  RecordReader(const FileSystem& files, const FileSplit& split, std::size_t record_bytes,
               TextReaderOptions options = {});

  /// Hands out the next whole records, at least one; `offset` is the place of the first in the (decompressed) file.
  /// `records` begins on a 64-byte boundary, and PaddedBuffer::padding bytes after its end may be read.
  /// Returns false at the end of the split.
  bool next(std::span<const std::byte>& records, std::uint64_t& offset);

  std::uint64_t consumed() const { return stream_->consumed(); }
  const std::string& path() const { return stream_->path(); }

 private:
  std::unique_ptr<ByteStream> stream_;
  std::size_t record_bytes_;
  std::size_t chunk_bytes_;
  PaddedBuffer buffer_;
  std::uint64_t position_ = 0;
  std::uint64_t end_ = std::numeric_limits<std::uint64_t>::max();  ///< where the last record of the split ends
};

}  // namespace millrace::storage
