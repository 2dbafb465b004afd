#include <fmt/format.h>
#include <lz4.h>
#include <xxhash.h>
#include <zstd.h>

#include <millrace/error.h>

#include "storage/formats/little_endian.h"
#include "storage/formats/record_file.h"
#include "storage/formats/record_file_layout.h"

namespace millrace::storage {

using namespace record_layout;

namespace {

constexpr std::size_t longest_element = std::size_t{1} << 31;

std::vector<std::byte> encode_header(const std::string& type_name, std::uint16_t flags) {
  std::vector<std::byte> header;
  for (const unsigned char byte : file_magic) put(header, byte);
  put(header, version);
  put(header, flags);
  put(header, static_cast<std::uint32_t>(type_name.size()));
  const auto text = std::as_bytes(std::span(type_name));
  header.insert(header.end(), text.begin(), text.end());
  put(header, std::uint64_t{XXH3_64bits(header.data(), header.size())});
  return header;
}

}  // namespace

struct RecordFileWriter::Compressor {
  Compressor() : zstd(::ZSTD_createCCtx()) {}
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  ~Compressor() { ::ZSTD_freeCCtx(zstd); }

  /// Appends the compressed form of `raw` to `to`. Returns false, with `to` as it was, when it is not smaller.
  bool append(BlockCodec codec, std::span<const std::byte> raw, std::vector<std::byte>& to) const {
    const std::size_t begin = to.size();
    to.resize(begin + raw.size() - 1);
    std::size_t size = 0;
    if (codec == BlockCodec::lz4 && raw.size() <= LZ4_MAX_INPUT_SIZE) {
      size = static_cast<std::size_t>(
          ::LZ4_compress_default(reinterpret_cast<const char*>(raw.data()), reinterpret_cast<char*>(to.data() + begin),
                                 static_cast<int>(raw.size()), static_cast<int>(raw.size() - 1)));
    } else if (codec == BlockCodec::zstd) {
      size = ::ZSTD_compressCCtx(zstd, to.data() + begin, raw.size() - 1, raw.data(), raw.size(), ZSTD_CLEVEL_DEFAULT);
      if (::ZSTD_isError(size)) size = 0;
    }
    to.resize(begin + size);
    return size > 0;
  }

  ZSTD_CCtx* zstd;
};

RecordFileWriter::RecordFileWriter(std::unique_ptr<OutputFile> file, const std::string& type_name, BlockCodec codec,
                                   std::uint16_t flags)
    : file_(std::move(file)), compressor_(std::make_unique<Compressor>()), codec_(codec) {
  if (type_name.size() > longest_type_name) {
    throw Error(Cause::usage, fmt::format("the type name of {} has {} bytes, more than {}", path(), type_name.size(),
                                          longest_type_name));
  }
  write(encode_header(type_name, flags));
}

RecordFileWriter::~RecordFileWriter() = default;

void RecordFileWriter::write(std::span<const std::byte> bytes) {
  file_->write(bytes);
  position_ += bytes.size();
}

void RecordFileWriter::add(std::span<const std::byte> element) {
  check_length(element.size());
  if (block_.size() + element.size() > block_bytes) flush_block();
  block_.insert(block_.end(), element.begin(), element.end());
  ++block_records_;
}

void RecordFileWriter::add_block(std::span<const std::byte> elements, std::uint32_t records) {
  check_length(elements.size());
  flush_block();
  if (records > 0) write_block(elements, records);
}

void RecordFileWriter::check_length(std::size_t bytes) const {
  if (bytes < longest_element) return;
  throw Error(Cause::usage,
              fmt::format("an element of {} bytes is too long for {}: the limit is 2 GiB", bytes, path()));
}

void RecordFileWriter::flush_block() {
  if (block_records_ == 0) return;
  write_block(block_, block_records_);
  block_.clear();
  block_records_ = 0;
}

void RecordFileWriter::write_block(std::span<const std::byte> elements, std::uint32_t records) {
  stored_.assign(block_header_bytes, std::byte{0});
  BlockCodec codec = codec_;
  if (codec == BlockCodec::none || elements.size() < 2 || !compressor_->append(codec, elements, stored_)) {
    codec = BlockCodec::none;
    stored_.insert(stored_.end(), elements.begin(), elements.end());
  }
  const RecordBlockEntry entry{position_, static_cast<std::uint32_t>(stored_.size() - block_header_bytes),
                               static_cast<std::uint32_t>(elements.size()), records};
  std::memcpy(stored_.data() + 8, &entry.stored_bytes, 4);
  std::memcpy(stored_.data() + 12, &entry.raw_bytes, 4);
  std::memcpy(stored_.data() + 16, &entry.records, 4);
  stored_[20] = static_cast<std::byte>(codec);
  const std::uint64_t sum =
      XXH3_64bits_withSeed(stored_.data() + checksum_bytes, stored_.size() - checksum_bytes, entry.offset);
  std::memcpy(stored_.data(), &sum, sizeof sum);
  write(stored_);
  index_.push_back(entry);
  records_ += records;
  raw_bytes_ += elements.size();
}

void RecordFileWriter::close() {
  if (closed_) return;
  flush_block();
  const std::uint64_t index_offset = position_;
  std::vector<std::byte> end;
  for (const RecordBlockEntry& entry : index_) {
    put(end, entry.offset);
    put(end, entry.stored_bytes);
    put(end, entry.raw_bytes);
    put(end, entry.records);
    put(end, std::uint32_t{0});
  }
  put(end, index_offset);
  put(end, std::uint64_t{index_.size()});
  put(end, records_);
  put(end, raw_bytes_);
  put(end, std::uint64_t{XXH3_64bits(end.data(), end.size())});
  for (const unsigned char byte : end_magic) put(end, byte);
  write(end);
  closed_ = true;
  file_->close();
}

}  // namespace millrace::storage
