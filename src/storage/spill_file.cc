#include "storage/spill_file.h"

#include <atomic>
#include <cstring>
#include <fmt/format.h>
#include <lz4.h>
#include <unistd.h>

#include <millrace/error.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace millrace::storage {
namespace {

constexpr std::size_t checksum_bytes = sizeof(std::uint64_t);

std::string fresh_path(const std::string& directory, const std::string& label) {
  static std::atomic<std::uint64_t> number{0};
  return fmt::format("{}/.millrace-{}-{}-{}", directory, label, ::getpid(), number++);
}

/// The place is a part of it, so that a block that was written or read at the wrong place does not pass.
std::uint64_t checksum(std::span<const std::byte> payload, const BlockRef& block) {
  return XXH3_64bits_withSeed(payload.data(), payload.size(), block.offset ^ block.raw_bytes << 32);
}

/// Compresses into `payload`, which is as large as `block`. Returns 0 when that does not save a sixteenth.
std::size_t compress_block(std::span<const std::byte> block, std::span<std::byte> payload) {
  if (block.size() < 64 || block.size() > LZ4_MAX_INPUT_SIZE) return 0;
  const int limit = static_cast<int>(block.size() - block.size() / 16);
  const int size =
      ::LZ4_compress_default(reinterpret_cast<const char*>(block.data()), reinterpret_cast<char*>(payload.data()),
                             static_cast<int>(block.size()), limit);
  return static_cast<std::size_t>(size);
}

[[noreturn]] void fail(const std::string& path, const BlockRef& block, const std::string& problem) {
  throw Error(Cause::lost_input, fmt::format("lost a block of {} bytes at byte {} of {}: {}", block.raw_bytes,
                                             block.offset, path, problem));
}

}  // namespace

SpillFile::SpillFile(FileSystem& files, const std::string& directory, const std::string& label) {
  const std::string path = fresh_path(directory, label);
  output_ = files.create(path);
  try {
    input_ = files.open(path);
  } catch (...) {
    files.remove_all(path);
    throw;
  }
  files.remove_all(path);
}

SpillFile::SpillFile(std::unique_ptr<OutputFile> output, std::unique_ptr<InputFile> input)
    : output_(std::move(output)), input_(std::move(input)) {}

std::shared_ptr<SpillFile> SpillFile::keep(FileSystem& files, const std::string& path) {
  return std::shared_ptr<SpillFile>(new SpillFile(files.create(path), nullptr));
}

std::shared_ptr<SpillFile> SpillFile::reopen(const FileSystem& files, const std::string& path) try {
  return std::shared_ptr<SpillFile>(new SpillFile(nullptr, files.open(path)));
} catch (const Error& error) {
  throw Error(Cause::lost_input, error.what());
}

void SpillFile::seal(std::span<const std::byte> end) {
  if (broken_) throw Error(Cause::internal, "seal of " + path() + " after a failed write");
  broken_ = true;
  output_->write(end);
  output_->close();
}

BlockRef SpillFile::append(std::span<const std::byte> block) {
  if (broken_) throw Error(Cause::internal, "append to " + path() + " after a failed write");
  BlockRef ref{output_->size(), 0, block.size()};
  if (scratch_.size() < checksum_bytes + block.size()) scratch_.resize(checksum_bytes + block.size());
  const std::span<std::byte> room = std::span(scratch_).subspan(checksum_bytes);
  std::size_t payload_bytes = compress_block(block, room);
  if (payload_bytes == 0) {
    payload_bytes = block.size();
    if (!block.empty()) std::memcpy(room.data(), block.data(), block.size());
  }
  ref.stored_bytes = checksum_bytes + payload_bytes;
  const std::uint64_t sum = checksum(room.first(payload_bytes), ref);
  std::memcpy(scratch_.data(), &sum, checksum_bytes);
  // A write that fails may leave a part of the block behind, and then no offset after it is known.
  broken_ = true;
  output_->write(std::span(scratch_).first(ref.stored_bytes));
  broken_ = false;
  raw_bytes_ += block.size();
  return ref;
}

void SpillFile::read(const BlockRef& block, std::vector<std::byte>& into) const {
  into.resize(block.raw_bytes);
  read(block, std::span(into));
}

void SpillFile::read(const BlockRef& block, std::span<std::byte> into) const {
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(block.stored_bytes);
  const std::span<std::byte> stored(memory.get(), block.stored_bytes);
  read_stored(block, stored);
  unpack_block(block, stored, into, path());
}

void SpillFile::read_stored(const BlockRef& block, std::span<std::byte> into) const {
  std::size_t count = 0;
  try {
    count = input_->read_at(block.offset, into);
  } catch (const Error& error) {
    fail(path(), block, error.what());
  }
  if (count < into.size()) fail(path(), block, "the file ends in it");
}

void unpack_block(const BlockRef& block, std::span<const std::byte> stored, std::span<std::byte> into,
                  const std::string& source) {
  if (into.size() != block.raw_bytes) throw Error(Cause::internal, "the place for a block is not of its size");
  if (stored.size() < checksum_bytes) fail(source, block, "it is too short");
  const std::span<const std::byte> payload = stored.subspan(checksum_bytes);
  std::uint64_t sum = 0;
  std::memcpy(&sum, stored.data(), checksum_bytes);
  if (sum != checksum(payload, block)) fail(source, block, "its checksum does not match");
  if (payload.size() == into.size()) {
    if (!into.empty()) std::memcpy(into.data(), payload.data(), payload.size());
    return;
  }
  const int size =
      ::LZ4_decompress_safe(reinterpret_cast<const char*>(payload.data()), reinterpret_cast<char*>(into.data()),
                            static_cast<int>(payload.size()), static_cast<int>(into.size()));
  if (size < 0 || static_cast<std::size_t>(size) != into.size()) fail(source, block, "it does not decompress");
}

std::uint64_t block_checksum(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace millrace::storage
