#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "storage/file_system.h"

namespace millrace::storage {

/// The bytes of one file in order, decompressed where the file is compressed. Used by one thread at a time.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Reads up to into.size() bytes and returns how many: 0 only at the end (or when asked for 0).
  /// Throws Error(input) when the file cannot be read and Error(bad_data) when its compressed form is broken.
  virtual std::size_t read(std::span<std::byte> into) = 0;
  /// How many bytes of the file have been used so far: compressed ones, where it is compressed.
  virtual std::uint64_t consumed() const = 0;
  virtual const std::string& path() const = 0;
};

/// The bytes of a file as they are, from `offset` on. A file that ends before the size it had when it was opened is an
/// Error(input): it was cut while it was read, and the records in between would be missed in silence.
class FileStream final : public ByteStream {
 public:
  explicit FileStream(std::unique_ptr<InputFile> file, std::uint64_t offset = 0);
  std::size_t read(std::span<std::byte> into) override;
  std::uint64_t consumed() const override { return position_ - first_; }
  const std::string& path() const override { return file_->path(); }

 private:
  std::unique_ptr<InputFile> file_;
  std::uint64_t first_;
  std::uint64_t position_;
};

/// Reads until `into` is full or the stream ends; returns how many bytes.
std::size_t read_fully(ByteStream& stream, std::span<std::byte> into);

}  // namespace millrace::storage
