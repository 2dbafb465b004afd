#include "storage/formats/csv.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <utility>

#include <millrace/error.h>

#include "storage/compression.h"
#include "storage/formats/byte_mask.h"

namespace millrace::storage {
namespace {

constexpr std::size_t block_bytes = 64;
constexpr std::size_t alignment = 64;
constexpr std::size_t page = 4096;
/// Beyond a chunk, for the rest of a row before it: rows up to this length do not make the buffer grow.
constexpr std::size_t headroom = std::size_t{16} << 10;
static_assert(PaddedBuffer::padding >= block_bytes, "the last block is read beyond the end");

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

}  // namespace

CsvReader::CsvReader(const FileSystem& files, const FileSplit& split, const CsvOptions& options,
                     TextReaderOptions reading)
    : options_(options), reading_(std::move(reading)) {
  open(files, split);
  if (split.begin > 0) return;
  while (filled_ - begin_ < byte_order_mark.size() && read_more()) {
  }
  if (std::string_view(buffer_.data() + begin_, filled_ - begin_).starts_with(byte_order_mark)) {
    begin_ += byte_order_mark.size();
  }
  load_block(begin_, false);
  if (options_.header) read_header();
}

void CsvReader::open(const FileSystem& files, const FileSplit& split) {
  if (split.whole) {
    stream_ = open_stream(files, split.path);
    left_ = std::numeric_limits<std::uint64_t>::max();
    return;
  }
  auto file = files.open(split.path);
  if (file->size() < split.end) {
    throw Error(Cause::input, fmt::format("cannot read {}: it has {} bytes but had at least {} when it was listed",
                                          split.path, file->size(), split.end));
  }
  stream_ = std::make_unique<FileStream>(std::move(file), split.begin);
  base_ = split.begin;
  left_ = split.end - split.begin;
}

void CsvReader::read_header() {
  const std::size_t columns = std::exchange(options_.columns, 0);
  CsvRow row;
  if (next(row)) header_.assign(row.fields.begin(), row.fields.end());
  options_.columns = columns;
}

bool CsvReader::next(CsvRow& row) {
  text_offset_ = base_ + begin_;
  text_ = {};
  while (next_row(row)) {
    const char first = buffer_.data()[row.offset - base_];
    const bool blank = row.fields.size() == 1 && (first == '\n' || first == '\r') && row.fields[0].empty();
    if (blank) continue;
    text_offset_ = row.offset;
    text_ = std::string_view(buffer_.data(), begin_ - 1).substr(row.offset - base_);
    if (options_.columns == 0 || row.fields.size() == options_.columns) return true;
    throw Error(Cause::bad_data, fmt::format("{}: the row at byte {} has {} fields instead of {}", path(), row.offset,
                                             row.fields.size(), options_.columns));
  }
  return false;
}

bool CsvReader::next_row(CsvRow& row) {
  if (skip_line_ && !skip_line()) return false;
  while (!scan_row(row)) {
    if (read_more()) continue;
    if (begin_ == filled_) return false;
    return scan_last_row(row);
  }
  return true;
}

/// Scans the row at begin_, which the file ends in.
bool CsvReader::scan_last_row(CsvRow& row) {
  // The newline that the last line may lack goes into the padding.
  if (buffer_.data()[filled_ - 1] != '\n') buffer_.data()[filled_++] = '\n';
  load_block(begin_, false);
  if (scan_row(row)) return true;
  fail(begin_, "a quoted field that is not closed before the end of the file");
}

/// Finds the fields of the row at begin_ and moves begin_ past it. Returns false when the buffer ends in it.
bool CsvReader::scan_row(CsvRow& row) {
  row.fields.clear();
  row.offset = base_ + begin_;
  unquoted_.clear();
  std::size_t start = begin_;
  bool quotes_before_block = false;
  for (;;) {
    while (ends_ == 0) {
      if (block_ + block_bytes >= filled_) {
        check_open_field(start);
        return false;
      }
      quotes_before_block |= quotes_ != 0;
      load_block(block_ + block_bytes, in_quotes_);
    }
    const int bit = std::countr_zero(ends_);
    const std::uint64_t up_to_bit = std::uint64_t{2} << bit;
    const bool has_quotes = quotes_before_block || (quotes_ & (up_to_bit - 1)) != 0;
    const bool is_newline = (newlines_ >> bit & 1) != 0;
    ends_ &= ends_ - 1;
    quotes_ &= ~(up_to_bit - 1);
    quotes_before_block = false;
    const std::size_t end = block_ + static_cast<std::size_t>(bit);
    const bool is_crlf = is_newline && end > start && buffer_.data()[end - 1] == '\r';
    row.fields.push_back(field(start, is_crlf ? end - 1 : end, has_quotes));
    start = end + 1;
    if (is_newline) {
      begin_ = start;
      return true;
    }
  }
}

/// A stray quote would make all that follows one field: better to say so than to read on to the next quote.
void CsvReader::check_open_field(std::size_t begin) {
  if (options_.quote == 0 || begin >= filled_ || buffer_.data()[begin] == options_.quote) return;
  const std::string_view text(buffer_.data() + begin, filled_ - begin);
  const std::size_t quote = text.find(options_.quote);
  if (quote != std::string_view::npos) fail(begin + quote, "a quote in a field that does not begin with one");
}

void CsvReader::load_block(std::size_t at, bool in_quotes) {
  block_ = at;
  in_quotes_ = in_quotes;
  ends_ = newlines_ = quotes_ = 0;
  if (at >= filled_) return;
  const std::uint64_t valid =
      filled_ - at >= block_bytes ? ~std::uint64_t{0} : (std::uint64_t{1} << (filled_ - at)) - 1;
  const char* from = buffer_.data() + at;
  quotes_ = options_.quote == 0 ? 0 : equal_mask(from, options_.quote) & valid;
  newlines_ = equal_mask(from, '\n') & valid;
  ends_ = newlines_ | (equal_mask(from, options_.delimiter) & valid);
  if (quotes_ == 0 && !in_quotes) return;
  std::uint64_t inside = prefix_xor(quotes_);
  if (in_quotes) inside = ~inside;
  in_quotes_ = (inside & valid & ~(valid >> 1)) != 0;
  ends_ &= ~inside;
}

std::string_view CsvReader::field(std::size_t begin, std::size_t end, bool has_quotes) {
  if (has_quotes) return unquote(begin, end);
  return {buffer_.data() + begin, end - begin};
}

/// The content of the field in [begin, end), in which there are quotes.
std::string_view CsvReader::unquote(std::size_t begin, std::size_t end) {
  const char* data = buffer_.data();
  const auto find_quote = [&](std::size_t from, std::size_t to) {
    const void* found = std::memchr(data + from, options_.quote, to - from);
    return found == nullptr ? to : static_cast<std::size_t>(static_cast<const char*>(found) - data);
  };
  if (data[begin] != options_.quote) {
    fail(find_quote(begin, end), "a quote in a field that does not begin with one");
  }
  const std::size_t inner_begin = begin + 1;
  const std::size_t inner_end = end - 1;
  const std::size_t first = find_quote(inner_begin, end);
  if (!options_.quoted_newlines && std::memchr(data + begin, '\n', end - begin) != nullptr) {
    fail(begin, "a newline in a quoted field");
  }
  if (first == inner_end) return {data + inner_begin, inner_end - inner_begin};
  return resolve_doubled_quotes(inner_begin, end);
}

/// As unquote(), for a field whose text after the opening quote, in [begin, end), has more than the closing quote.
std::string_view CsvReader::resolve_doubled_quotes(std::size_t begin, std::size_t end) {
  const char* data = buffer_.data();
  // Views of fields that were resolved before may not move: there is room for the whole row from the start.
  if (unquoted_.empty()) unquoted_.reserve(filled_ - begin_);
  const std::size_t start = unquoted_.size();
  for (std::size_t i = begin; i < end;) {
    const void* found = std::memchr(data + i, options_.quote, end - i);
    if (found == nullptr) break;
    const auto quote = static_cast<std::size_t>(static_cast<const char*>(found) - data);
    if (quote + 1 == end) {
      unquoted_.append(data + i, quote - i);
      return std::string_view(unquoted_).substr(start);
    }
    if (data[quote + 1] != options_.quote) fail(quote + 1, "bytes after the closing quote of a field");
    unquoted_.append(data + i, quote + 1 - i);
    i = quote + 2;
  }
  fail(end, "a quoted field that is not closed");
}

bool CsvReader::read_more() {
  if (stream_ended_) return false;
  const std::size_t rest = filled_ - begin_;
  // The kernel copies faster to an aligned place, so the rest of a row goes right before one.
  const std::size_t place = (rest + alignment - 1) / alignment * alignment;
  const std::size_t wanted = wanted_bytes(rest);
  if (place + wanted > buffer_.capacity()) {
    const std::size_t capacity = std::max(place + wanted + headroom, 2 * buffer_.capacity());
    if (reading_.on_growth) reading_.on_growth(buffer_.growth(capacity));
    buffer_.reserve(capacity);
  }
  if (rest > 0) std::memmove(buffer_.data() + place - rest, buffer_.data() + begin_, rest);
  base_ += begin_ - (place - rest);
  begin_ = place - rest;
  filled_ = place;
  const std::size_t count = stream_->read(std::as_writable_bytes(std::span(buffer_.data() + place, wanted)));
  filled_ += count;
  left_ -= count;
  stream_ended_ = count == 0;
  load_block(begin_, false);
  return !stream_ended_;
}

/// How many bytes to read when `rest` wait in the buffer.
std::size_t CsvReader::wanted_bytes(std::size_t rest) const {
  // As much again as waits: a row that is longer than the buffer is then looked through a few times, not very often.
  const std::uint64_t chunk = std::max(reading_.chunk_bytes, rest);
  const std::uint64_t to_page = chunk > page ? (base_ + filled_) % page : 0;
  return static_cast<std::size_t>(std::min(chunk - to_page, left_));
}

/// Moves begin_ to the start of the next line. Returns false when there is none.
bool CsvReader::skip_line() {
  for (;;) {
    const char* data = buffer_.data();
    const void* newline = begin_ < filled_ ? std::memchr(data + begin_, '\n', filled_ - begin_) : nullptr;
    if (newline != nullptr) {
      begin_ = static_cast<std::size_t>(static_cast<const char*>(newline) - data) + 1;
      skip_line_ = false;
      load_block(begin_, false);
      return true;
    }
    begin_ = filled_;
    if (!read_more()) return false;
  }
}

void CsvReader::fail(std::size_t at, const std::string& problem) {
  const std::uint64_t row = base_ + begin_;
  const std::string_view in_memory(buffer_.data(), filled_);
  text_offset_ = row;
  text_ = in_memory.substr(begin_, std::min(in_memory.find('\n', at), filled_) - begin_);
  begin_ = at;
  skip_line_ = true;
  throw Error(Cause::bad_data,
              fmt::format("{}: {} at byte {}, in the row that begins at byte {}", path(), problem, base_ + at, row));
}

std::vector<std::string> read_csv_header(const FileSystem& files, const std::string& path, const CsvOptions& options) {
  CsvOptions with_header = options;
  with_header.header = true;
  return CsvReader(files, {path, 0, 0, true}, with_header, {std::size_t{16} << 10, {}}).header();
}

namespace {

bool needs_quotes(std::string_view field, const CsvOptions& options) {
  return std::any_of(field.begin(), field.end(), [&](char c) {
    return c == options.delimiter || c == '\n' || c == '\r' || (options.quote != 0 && c == options.quote);
  });
}

void append_quoted(std::string& to, std::string_view field, char quote) {
  to += quote;
  for (const char c : field) {
    if (c == quote) to += quote;
    to += c;
  }
  to += quote;
}

}  // namespace

void append_csv_row(std::string& to, std::span<const std::string_view> fields, const CsvOptions& options) {
  // A line with nothing on it would be no row, and a byte order mark would be dropped.
  const bool quote_first =
      !fields.empty() && ((fields.size() == 1 && fields[0].empty()) || fields[0].starts_with(byte_order_mark));
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) to += options.delimiter;
    if (options.quote != 0 && (needs_quotes(fields[i], options) || (i == 0 && quote_first))) {
      append_quoted(to, fields[i], options.quote);
    } else if (options.quote == 0 && needs_quotes(fields[i], options)) {
      throw Error(Cause::bad_data,
                  fmt::format("a field has a delimiter or a newline, and quoting is off: {}", fields[i].substr(0, 80)));
    } else {
      to += fields[i];
    }
  }
  if (fields.empty() && options.quote != 0) append_quoted(to, "", options.quote);
  to += '\n';
}

}  // namespace millrace::storage
