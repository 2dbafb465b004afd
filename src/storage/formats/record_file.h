#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/byte_stream.h"
#include "storage/file_split.h"
#include "storage/file_system.h"

// Millrace's own file of encoded elements: blocks with checksums and an index at the end, so that it can be split and
// its counts are known without reading it. docs/formats.md has it byte by byte.

namespace millrace::storage {

enum class BlockCodec : std::uint8_t { none = 0, lz4 = 1, zstd = 2 };

/// "none", "lz4", "zstd".
const char* name(BlockCodec codec);

/// One entry of the index.
struct RecordBlockEntry {
  std::uint64_t offset = 0;  ///< of the block's header in the file
  std::uint32_t stored_bytes = 0;
  std::uint32_t raw_bytes = 0;
  std::uint32_t records = 0;
};

/// What a file says about itself.
struct RecordFileInfo {
  std::string type_name;  ///< of the elements, as the writer gave it
  std::uint16_t flags = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t records = 0;
  std::uint64_t raw_bytes = 0;  ///< of all elements, encoded but not compressed
  std::vector<RecordBlockEntry> blocks;
};

/// Writes one record file. The same elements with the same options give the same bytes.
class RecordFileWriter {
 public:
  /// How many raw bytes a block has at most, unless it is a single element that is longer.
  static constexpr std::size_t block_bytes = std::size_t{256} << 10;
  static constexpr std::size_t longest_type_name = 4096;

  RecordFileWriter(std::unique_ptr<OutputFile> file, const std::string& type_name, BlockCodec codec = BlockCodec::lz4,
                   std::uint16_t flags = 0);
  RecordFileWriter(const RecordFileWriter&) = delete;
  RecordFileWriter& operator=(const RecordFileWriter&) = delete;
  ~RecordFileWriter();

  /// Adds one encoded element, which its decoder has to be able to tell the end of. Throws Error(usage) for an element
  /// of 2 GiB or more, and what OutputFile::write throws.
  void add(std::span<const std::byte> element);
  /// Adds `records` encoded elements, one after the other, as a block of their own. Throws as add(), for the block.
  void add_block(std::span<const std::byte> elements, std::uint32_t records);
  /// Writes the index and closes the file; without it the file is cut, and readers say so.
  void close();

  /// How many elements were added.
  std::uint64_t records() const { return records_ + block_records_; }
  const std::string& path() const { return file_->path(); }

 private:
  struct Compressor;

  void write(std::span<const std::byte> bytes);
  void check_length(std::size_t bytes) const;
  void flush_block();
  void write_block(std::span<const std::byte> elements, std::uint32_t records);

  std::unique_ptr<OutputFile> file_;
  std::unique_ptr<Compressor> compressor_;
  BlockCodec codec_;
  std::vector<std::byte> block_;   ///< the elements that wait
  std::vector<std::byte> stored_;  ///< header and payload of the block that is being written
  std::uint32_t block_records_ = 0;
  std::uint64_t position_ = 0;
  std::uint64_t records_ = 0;    ///< in the blocks that are written
  std::uint64_t raw_bytes_ = 0;  ///< of them
  std::vector<RecordBlockEntry> index_;
  bool closed_ = false;
};

/// The elements of one block.
struct RecordBlock {
  std::span<const std::byte> bytes;  ///< the encoded elements, one after the other
  std::uint32_t records = 0;
  std::uint64_t offset = 0;  ///< of the block in the file, for error texts
};

/// Reads the blocks of a split; a block belongs to the split in which its first byte lies. One thread at a time.
class RecordFileReader {
 public:
  /// Throws Error(input) when the file cannot be read and Error(bad_data), naming file and byte, when it is no record
  /// file, is cut, or its header or index is damaged. A split that is whole gets all blocks.
  RecordFileReader(const FileSystem& files, const FileSplit& split);
  RecordFileReader(const RecordFileReader&) = delete;
  RecordFileReader& operator=(const RecordFileReader&) = delete;
  ~RecordFileReader();

  const RecordFileInfo& info() const { return info_; }

  /// The next block, which is valid until the next call; false at the end of the split. Throws Error(bad_data) naming
  /// file and byte when the block is not what was written.
  bool next(RecordBlock& block);

  /// Stored bytes of the blocks that were handed out.
  std::uint64_t consumed() const { return consumed_; }
  const std::string& path() const { return file_->path(); }
  /// What reading the split's largest block takes.
  std::uint64_t buffer_bytes() const;

 private:
  struct Decompressor;

  void read_block(const RecordBlockEntry& entry);
  std::span<const std::byte> unpack(const RecordBlockEntry& entry);

  std::unique_ptr<InputFile> file_;
  std::unique_ptr<Decompressor> decompressor_;
  RecordFileInfo info_;
  std::size_t next_ = 0;  ///< blocks [next_, end_) are still to come
  std::size_t end_ = 0;
  std::uint64_t consumed_ = 0;
  std::vector<std::byte> stored_;
  std::vector<std::byte> raw_;
};

/// Whether a file that begins with these bytes says that it is a record file.
bool is_record_file(std::span<const std::byte> first_bytes);

/// Reads and checks header and index, not the blocks. Throws as RecordFileReader's constructor.
RecordFileInfo inspect_record_file(const InputFile& file);

}  // namespace millrace::storage
