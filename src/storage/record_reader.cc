#include "storage/record_reader.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include <millrace/error.h>

#include "storage/compression.h"

namespace millrace::storage {
namespace {

void check_size(const std::string& path, std::uint64_t size, std::size_t record_bytes) {
  if (size % record_bytes == 0) return;
  throw Error(Cause::bad_data, fmt::format("{} ends in a record of {} bytes that begins at byte {}: it has {} bytes",
                                           path, record_bytes, size - size % record_bytes, size));
}

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

RecordReader::RecordReader(const FileSystem& files, const FileSplit& split, std::size_t record_bytes,
                           TextReaderOptions options)
    : record_bytes_(record_bytes),
      chunk_bytes_(std::max(options.chunk_bytes / record_bytes, std::size_t{1}) * record_bytes) {
  auto file = files.open(split.path);
  if (split.whole && detect_compression(*file) != Compression::none) {
    stream_ = open_stream(std::move(file));
  } else {
    check_size(split.path, file->size(), record_bytes);
    if (file->size() < split.end) {
      throw Error(Cause::input, fmt::format("cannot read {}: it has {} bytes but had at least {} when it was listed",
                                            split.path, file->size(), split.end));
    }
    position_ = round_up(split.begin, record_bytes);
    end_ = split.whole ? file->size() : round_up(split.end, record_bytes);
    stream_ = std::make_unique<FileStream>(std::move(file), position_);
  }
  if (options.on_growth) options.on_growth(buffer_.growth(chunk_bytes_));
  buffer_.reserve(chunk_bytes_);
}

bool RecordReader::next(std::span<const std::byte>& records, std::uint64_t& offset) {
  if (position_ >= end_) return false;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_bytes_, end_ - position_));
  const std::span<std::byte> into = std::as_writable_bytes(std::span(buffer_.data(), wanted));
  const std::size_t count = read_fully(*stream_, into);
  if (count == 0) return false;
  offset = position_;
  position_ += count;
  check_size(path(), position_, record_bytes_);
  records = into.first(count);
  return true;
}

}  // namespace millrace::storage
