#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>

#include "storage/byte_stream.h"
#include "storage/file_split.h"
#include "storage/file_system.h"
#include "storage/padded_buffer.h"

namespace millrace::storage {

struct TextReaderOptions {
  std::size_t chunk_bytes = std::size_t{256} << 10;  ///< how much is read at once; at least 1
  /// Called before the reader takes memory, first buffer included, with the number of bytes it will take more. It may
  /// throw to refuse. The memory is given back when the reader goes.
  std::function<void(std::size_t)> on_growth;
};

/// Reads the lines of a split, many at a time. A line ends with \n or at the end of the file; a \r before the \n is a
/// part of it. A line belongs to the split in which its first byte lies: the reader of a split that begins in a line
/// skips to the next one, and the reader of a split that ends in a line reads on to the line's end.
///
/// Ownership: what next() hands out lies in the reader's one buffer and is gone with the next call.
/// Threads: one at a time.
class TextReader {
 public:
  /// Opens the file. Throws Error(input) when it cannot be read.
  TextReader(const FileSystem& files, const FileSplit& split, TextReaderOptions options = {});
  /// All lines of a stream; offsets count its (decompressed) bytes.
  explicit TextReader(std::unique_ptr<ByteStream> stream, TextReaderOptions options = {});

  /// Hands out the next whole lines: `lines` begins at the start of a line, is not empty, and ends with a \n or at the
  /// end of the file. `offset` is the place of its first byte in the file (in the decompressed file where it is
  /// compressed). The PaddedBuffer::padding (64) bytes after its end may be read and are zeros.
  /// Returns false at the end of the split. Throws Error(input) or Error(bad_data) naming file and byte.
  bool next(std::string_view& lines, std::uint64_t& offset);

  /// How many bytes of the file were used so far; compressed ones where it is compressed. For progress.
  std::uint64_t consumed() const { return stream_->consumed(); }
  const std::string& path() const { return stream_->path(); }

 private:
  void skip_first_line();
  bool cut(std::string_view& lines, std::uint64_t& offset);
  bool deliver(std::size_t end, std::string_view& lines, std::uint64_t& offset);
  void read_more();
  std::size_t wanted_bytes() const;
  void grow(std::size_t capacity);
  void zero_padding();
  void restore_padding();

  std::unique_ptr<ByteStream> stream_;
  TextReaderOptions options_;
  PaddedBuffer buffer_;
  std::uint64_t position_ = 0;                                     ///< in the file, of the byte that is read next
  std::uint64_t end_ = std::numeric_limits<std::uint64_t>::max();  ///< lines that begin here or later are not ours
  std::size_t begin_ = 0;    ///< the bytes [begin_, filled_) of the buffer wait to be handed out
  std::size_t scanned_ = 0;  ///< no newline is in [begin_, scanned_)
  std::size_t filled_ = 0;
  bool stream_ended_ = false;
  bool done_ = false;
  bool padding_zeroed_ = false;
  std::array<char, PaddedBuffer::padding> under_padding_{};  ///< what the zeros after the last lines stand on
};

}  // namespace millrace::storage
