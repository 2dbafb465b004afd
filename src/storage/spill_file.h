#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/file_system.h"

namespace millrace::storage {

/// Where a block lies in its SpillFile.
struct BlockRef {
  std::uint64_t offset = 0;
  std::uint64_t stored_bytes = 0;  ///< in the file: an 8-byte checksum and the payload
  std::uint64_t raw_bytes = 0;     ///< as it was appended; the payload is compressed when it is smaller than this
};

/// A temporary file of blocks, for what does not fit into memory. Blocks are compressed (LZ4) where that helps and
/// carry a checksum (XXH3-64), see docs/formats.md. Nothing is left of the file when the object goes or the process
/// dies: its name is removed as soon as it is open. It holds two descriptors, so use one for many blocks.
///
/// Threads: append() by one at a time; read() by any number, for blocks whose append() has returned.
class SpillFile {
 public:
  /// Makes a file in `directory`, which exists. `label` goes into its name and into error texts. Throws Error(output)
  /// or Error(out_of_disk). `files` outlives the object.
  SpillFile(FileSystem& files, const std::string& directory, const std::string& label = "spill");
  /// A file at `path` that keeps its name, and so outlives object and process; it replaces what is there. It is written
  /// alone: read it with reopen() after seal().
  static std::shared_ptr<SpillFile> keep(FileSystem& files, const std::string& path);
  /// A file that was kept, to be read alone. Throws Error(lost_input) when it cannot be opened.
  static std::shared_ptr<SpillFile> reopen(const FileSystem& files, const std::string& path);
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  /// Throws Error(out_of_disk) or Error(output); the file cannot be appended to after that.
  BlockRef append(std::span<const std::byte> block);

  /// Writes `end` behind the blocks as it is, and closes the file; nothing is appended afterwards. Throws as append().
  void seal(std::span<const std::byte> end);

  /// Replaces the content of `into` by the block. Throws Error(lost_input) naming file and byte when the block is not
  /// what was appended, or cannot be read.
  void read(const BlockRef& block, std::vector<std::byte>& into) const;
  /// As above, into exactly block.raw_bytes bytes.
  void read(const BlockRef& block, std::span<std::byte> into) const;

  /// The block as it is stored, for a process that will unpack() it. As read() does, but nothing is checked.
  void read_stored(const BlockRef& block, std::span<std::byte> into) const;
  /// The file for calls of the system, whose content from block.offset on is the stored block; negative when it is
  /// none.
  int descriptor() const { return input_->descriptor(); }

  std::uint64_t stored_bytes() const { return output_ != nullptr ? output_->size() : input_->size(); }
  std::uint64_t raw_bytes() const { return raw_bytes_; }
  const std::string& path() const { return output_ != nullptr ? output_->path() : input_->path(); }
  /// An append has failed, so that there will be no other.
  bool is_broken() const { return broken_; }

 private:
  SpillFile(std::unique_ptr<OutputFile> output, std::unique_ptr<InputFile> input);

  std::unique_ptr<OutputFile> output_;  ///< null in a file that was reopened
  std::unique_ptr<InputFile> input_;    ///< null in a file that is kept
  std::vector<std::byte> scratch_;      ///< checksum and payload of the block that is being appended
  std::uint64_t raw_bytes_ = 0;
  bool broken_ = false;
};

/// Checks a stored block and restores what was appended, into exactly block.raw_bytes bytes. Throws Error(lost_input)
/// naming `source` when it is not what was appended.
void unpack_block(const BlockRef& block, std::span<const std::byte> stored, std::span<std::byte> into,
                  const std::string& source);

/// The checksum of a block that travels as it is.
std::uint64_t block_checksum(std::span<const std::byte> bytes);

}  // namespace millrace::storage
