#include "storage/formats/record_file.h"

#include <algorithm>
#include <fmt/format.h>
#include <lz4.h>
#include <xxhash.h>
#include <zstd.h>

#include <millrace/error.h>

#include "storage/formats/little_endian.h"
#include "storage/formats/record_file_layout.h"

namespace millrace::storage {

using namespace record_layout;

namespace {

[[noreturn]] void fail(const std::string& path, std::uint64_t byte, const std::string& problem) {
  throw Error(Cause::bad_data, fmt::format("the record file {} is damaged at byte {}: {}", path, byte, problem));
}

/// Reads exactly `count` bytes, which the caller knows to be inside the file's size.
std::vector<std::byte> read_exactly(const InputFile& file, std::uint64_t offset, std::size_t count) {
  std::vector<std::byte> bytes(count);
  const std::size_t got = file.read_at(offset, bytes);
  if (got < count) fail(file.path(), offset + got, "it ends here");
  return bytes;
}

bool has_magic(std::span<const std::byte> bytes, const std::array<unsigned char, 8>& magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

/// Fills in type name and flags. Returns where the first block begins.
std::uint64_t read_header(const InputFile& file, RecordFileInfo& info) {
  const std::vector<std::byte> first =
      read_exactly(file, 0, static_cast<std::size_t>(std::min<std::uint64_t>(info.file_bytes, fixed_header_bytes)));
  if (!is_record_file(first)) {
    throw Error(Cause::bad_data,
                fmt::format("{} is not a record file: it does not begin as one at byte 0", file.path()));
  }
  if (first.size() < fixed_header_bytes) fail(file.path(), first.size(), "it ends here");
  const auto name_bytes = get<std::uint32_t>(first.data() + 12);
  if (name_bytes > RecordFileWriter::longest_type_name) fail(file.path(), 12, "the type's name is too long");
  const std::size_t checked_bytes = fixed_header_bytes + name_bytes;
  if (info.file_bytes < checked_bytes + checksum_bytes) fail(file.path(), info.file_bytes, "it ends in its header");
  const std::vector<std::byte> header = read_exactly(file, 0, checked_bytes + checksum_bytes);
  if (XXH3_64bits(header.data(), checked_bytes) != get<std::uint64_t>(header.data() + checked_bytes)) {
    fail(file.path(), 0, "the header's checksum does not match");
  }
  const auto file_version = get<std::uint16_t>(header.data() + 8);
  if (file_version != version) {
    throw Error(Cause::bad_data, fmt::format("the record file {} has version {} at byte 8, and this program reads {}",
                                             file.path(), file_version, version));
  }
  info.flags = get<std::uint16_t>(header.data() + 10);
  info.type_name.assign(reinterpret_cast<const char*>(header.data() + fixed_header_bytes), name_bytes);
  return checked_bytes + checksum_bytes;
}

/// Checks that the blocks follow each other without a gap and add up to the totals.
void check_index(const std::string& path, std::uint64_t first_block, std::uint64_t index_offset,
                 const RecordFileInfo& info) {
  std::uint64_t position = first_block;
  std::uint64_t records = 0;
  std::uint64_t raw_bytes = 0;
  for (const RecordBlockEntry& block : info.blocks) {
    if (block.offset != position) fail(path, index_offset, "the index has a block at the wrong place");
    position += block_header_bytes + block.stored_bytes;
    records += block.records;
    raw_bytes += block.raw_bytes;
  }
  if (position != index_offset || records != info.records || raw_bytes != info.raw_bytes) {
    fail(path, index_offset, "the index does not add up");
  }
}

void read_index(const InputFile& file, std::uint64_t first_block, RecordFileInfo& info) {
  const std::uint64_t size = info.file_bytes;
  if (size < first_block + trailer_bytes)
    fail(file.path(), size, "it ends before its index: it was not closed or is cut");
  const std::uint64_t trailer_offset = size - trailer_bytes;
  const std::vector<std::byte> trailer = read_exactly(file, trailer_offset, trailer_bytes);
  if (!has_magic(std::span(trailer).last(end_magic.size()), end_magic)) {
    fail(file.path(), size, "its end is missing: it was not closed or is cut");
  }
  const auto index_offset = get<std::uint64_t>(trailer.data());
  const auto blocks = get<std::uint64_t>(trailer.data() + 8);
  info.records = get<std::uint64_t>(trailer.data() + 16);
  info.raw_bytes = get<std::uint64_t>(trailer.data() + 24);
  if (index_offset < first_block || index_offset > trailer_offset ||
      (trailer_offset - index_offset) / index_entry_bytes != blocks ||
      (trailer_offset - index_offset) % index_entry_bytes != 0) {
    fail(file.path(), trailer_offset, "the index is not where it should be");
  }
  const std::size_t checked_bytes = static_cast<std::size_t>(size - index_offset) - 2 * checksum_bytes;
  const std::vector<std::byte> index = read_exactly(file, index_offset, checked_bytes);
  if (XXH3_64bits(index.data(), checked_bytes) != get<std::uint64_t>(trailer.data() + 32)) {
    fail(file.path(), index_offset, "the index's checksum does not match");
  }
  info.blocks.reserve(blocks);
  for (const std::byte* entry = index.data(); info.blocks.size() < blocks; entry += index_entry_bytes) {
    info.blocks.push_back({get<std::uint64_t>(entry), get<std::uint32_t>(entry + 8), get<std::uint32_t>(entry + 12),
                           get<std::uint32_t>(entry + 16)});
  }
  check_index(file.path(), first_block, index_offset, info);
}

}  // namespace

const char* name(BlockCodec codec) {
  switch (codec) {
    case BlockCodec::none:
      return "none";
    case BlockCodec::lz4:
      return "lz4";
    case BlockCodec::zstd:
      return "zstd";
  }
  return "unknown";
}

bool is_record_file(std::span<const std::byte> first_bytes) { return has_magic(first_bytes, file_magic); }

RecordFileInfo inspect_record_file(const InputFile& file) {
  RecordFileInfo info;
  info.file_bytes = file.size();
  read_index(file, read_header(file, info), info);
  return info;
}

struct RecordFileReader::Decompressor {
  Decompressor() : zstd(::ZSTD_createDCtx()) {}
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  ~Decompressor() { ::ZSTD_freeDCtx(zstd); }

  /// Returns whether `payload` decompresses to exactly `raw`.
  bool unpack(BlockCodec codec, std::span<const std::byte> payload, std::span<std::byte> raw) const {
    if (codec == BlockCodec::lz4) {
      const int size =
          ::LZ4_decompress_safe(reinterpret_cast<const char*>(payload.data()), reinterpret_cast<char*>(raw.data()),
                                static_cast<int>(payload.size()), static_cast<int>(raw.size()));
      return size >= 0 && static_cast<std::size_t>(size) == raw.size();
    }
    // An error's code is larger than any size.
    return codec == BlockCodec::zstd &&
           ::ZSTD_decompressDCtx(zstd, raw.data(), raw.size(), payload.data(), payload.size()) == raw.size();
  }

  ZSTD_DCtx* zstd;
};

RecordFileReader::RecordFileReader(const FileSystem& files, const FileSplit& split)
    : file_(files.open(split.path)),
      decompressor_(std::make_unique<Decompressor>()),
      info_(inspect_record_file(*file_)),
      end_(info_.blocks.size()) {
  if (split.whole) return;
  const auto first_from = [this](std::uint64_t offset) {
    const auto block = std::partition_point(info_.blocks.begin(), info_.blocks.end(),
                                            [offset](const RecordBlockEntry& entry) { return entry.offset < offset; });
    return static_cast<std::size_t>(block - info_.blocks.begin());
  };
  next_ = first_from(split.begin);
  end_ = first_from(split.end);
}

RecordFileReader::~RecordFileReader() = default;

bool RecordFileReader::next(RecordBlock& block) {
  if (next_ >= end_) return false;
  const RecordBlockEntry& entry = info_.blocks[next_++];
  read_block(entry);
  block = {unpack(entry), entry.records, entry.offset};
  consumed_ += stored_.size();
  return true;
}

std::uint64_t RecordFileReader::buffer_bytes() const {
  std::uint64_t most = 0;
  for (std::size_t i = next_; i < end_; ++i) {
    most = std::max<std::uint64_t>(most, std::uint64_t{info_.blocks[i].stored_bytes} + info_.blocks[i].raw_bytes);
  }
  return most;
}

void RecordFileReader::read_block(const RecordBlockEntry& entry) {
  stored_.resize(block_header_bytes + entry.stored_bytes);
  const std::size_t count = file_->read_at(entry.offset, stored_);
  if (count < stored_.size()) fail(file_->path(), entry.offset + count, "it ends in a block");
  const std::uint64_t sum =
      XXH3_64bits_withSeed(stored_.data() + checksum_bytes, stored_.size() - checksum_bytes, entry.offset);
  if (sum != get<std::uint64_t>(stored_.data())) {
    fail(file_->path(), entry.offset, "the block's checksum does not match");
  }
  if (get<std::uint32_t>(stored_.data() + 8) != entry.stored_bytes ||
      get<std::uint32_t>(stored_.data() + 12) != entry.raw_bytes ||
      get<std::uint32_t>(stored_.data() + 16) != entry.records) {
    fail(file_->path(), entry.offset, "the block and the index do not agree");
  }
}

std::span<const std::byte> RecordFileReader::unpack(const RecordBlockEntry& entry) {
  const std::span<const std::byte> payload = std::span(stored_).subspan(block_header_bytes);
  const auto codec = static_cast<BlockCodec>(stored_[20]);
  if (codec == BlockCodec::none) {
    if (payload.size() != entry.raw_bytes) fail(file_->path(), entry.offset, "the block's lengths do not agree");
    return payload;
  }
  raw_.resize(entry.raw_bytes);
  if (!decompressor_->unpack(codec, payload, raw_)) fail(file_->path(), entry.offset, "the block does not decompress");
  return raw_;
}

}  // namespace millrace::storage
