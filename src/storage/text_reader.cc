#include "storage/text_reader.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <utility>

#include <millrace/error.h>

#include "storage/compression.h"

namespace millrace::storage {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t alignment = 64;
/// Beyond a chunk, for the rest of a line before it: lines up to this length do not make the buffer grow.
constexpr std::size_t headroom = std::size_t{16} << 10;

}  // namespace

TextReader::TextReader(const FileSystem& files, const FileSplit& split, TextReaderOptions options)
    : options_(std::move(options)) {
  if (split.whole) {
    auto file = files.open(split.path);
    const bool compressed = detect_compression(*file) != Compression::none;
    // A small file needs a small buffer only.
    const std::uint64_t enough = std::max<std::uint64_t>(file->size() + 1, page);
    if (!compressed) options_.chunk_bytes = std::min<std::uint64_t>(options_.chunk_bytes, enough);
    stream_ = compressed ? open_stream(std::move(file)) : std::make_unique<FileStream>(std::move(file));
    return;
  }
  // The newline that ends the line before a line that begins exactly at `begin` is the byte before it.
  position_ = split.begin > 0 ? split.begin - 1 : 0;
  end_ = split.end;
  auto file = files.open(split.path);
  if (file->size() < split.end) {
    throw Error(Cause::input, fmt::format("cannot read {}: it has {} bytes but had at least {} when it was listed",
                                          split.path, file->size(), split.end));
  }
  stream_ = std::make_unique<FileStream>(std::move(file), position_);
  done_ = split.begin >= split.end;
  if (!done_ && split.begin > 0) skip_first_line();
}

TextReader::TextReader(std::unique_ptr<ByteStream> stream, TextReaderOptions options)
    : stream_(std::move(stream)), options_(std::move(options)) {}

void TextReader::skip_first_line() {
  for (;;) {
    begin_ = scanned_ = filled_;
    read_more();
    const char* data = buffer_.data();
    const void* newline = std::memchr(data + begin_, '\n', filled_ - begin_);
    if (newline != nullptr) {
      begin_ = scanned_ = static_cast<std::size_t>(static_cast<const char*>(newline) - data) + 1;
      // The line after it may begin past the split.
      done_ = position_ - (filled_ - begin_) >= end_;
      return;
    }
    if (stream_ended_ || position_ >= end_) {
      done_ = true;
      return;
    }
  }
}

bool TextReader::next(std::string_view& lines, std::uint64_t& offset) {
  restore_padding();
  while (!done_) {
    if (cut(lines, offset)) return true;
    if (stream_ended_) {
      done_ = true;
      return begin_ < filled_ && deliver(filled_, lines, offset);
    }
    read_more();
  }
  return false;
}

/// Hands out what is known to be whole lines of this split, if anything.
bool TextReader::cut(std::string_view& lines, std::uint64_t& offset) {
  const char* data = buffer_.data();
  if (scanned_ == filled_) return false;
  if (position_ >= end_) {
    // The last line is the one that holds byte end_ - 1.
    const std::uint64_t behind = position_ - (end_ - 1);
    const std::size_t from = behind < filled_ - scanned_ ? filled_ - static_cast<std::size_t>(behind) : scanned_;
    const void* newline = std::memchr(data + from, '\n', filled_ - from);
    if (newline != nullptr) {
      done_ = true;
      return deliver(static_cast<std::size_t>(static_cast<const char*>(newline) - data) + 1, lines, offset);
    }
  }
  const void* newline = ::memrchr(data + scanned_, '\n', filled_ - scanned_);
  if (newline == nullptr) {
    scanned_ = filled_;
    return false;
  }
  return deliver(static_cast<std::size_t>(static_cast<const char*>(newline) - data) + 1, lines, offset);
}

bool TextReader::deliver(std::size_t end, std::string_view& lines, std::uint64_t& offset) {
  lines = {buffer_.data() + begin_, end - begin_};
  offset = position_ - (filled_ - begin_);
  begin_ = end;
  scanned_ = filled_;
  zero_padding();
  return true;
}

void TextReader::read_more() {
  const std::size_t rest = filled_ - begin_;
  // The kernel copies faster to an aligned place, so the rest of a line goes right before one; once it is there it
  // stays, or a long line would be moved again with every chunk.
  const std::size_t place = begin_ < alignment ? filled_ : (rest + alignment - 1) / alignment * alignment;
  const std::size_t wanted = wanted_bytes();
  grow(place + wanted);
  if (place != filled_) std::memmove(buffer_.data() + place - rest, buffer_.data() + begin_, rest);
  begin_ = place - rest;
  scanned_ = filled_ = place;
  const std::size_t count = stream_->read(std::as_writable_bytes(std::span(buffer_.data() + place, wanted)));
  filled_ += count;
  position_ += count;
  stream_ended_ = count == 0;
}

std::size_t TextReader::wanted_bytes() const {
  if (position_ >= end_) {
    // Most often only the end of a line is missing; a longer one is met by reading as much again as it has.
    return std::min(options_.chunk_bytes, std::max(page, filled_ - begin_));
  }
  const std::uint64_t to_page = options_.chunk_bytes > page ? position_ % page : 0;
  return static_cast<std::size_t>(std::min<std::uint64_t>(options_.chunk_bytes - to_page, end_ - position_));
}

void TextReader::grow(std::size_t capacity) {
  if (capacity <= buffer_.capacity()) return;
  const std::size_t wanted = std::max(capacity + headroom, 2 * buffer_.capacity());
  if (options_.on_growth) options_.on_growth(buffer_.growth(wanted));
  buffer_.reserve(wanted);
}

void TextReader::zero_padding() {
  char* end = buffer_.data() + begin_;
  std::memcpy(under_padding_.data(), end, under_padding_.size());
  std::memset(end, 0, under_padding_.size());
  padding_zeroed_ = true;
}

void TextReader::restore_padding() {
  if (!std::exchange(padding_zeroed_, false)) return;
  std::memcpy(buffer_.data() + begin_, under_padding_.data(), under_padding_.size());
}

}  // namespace millrace::storage
