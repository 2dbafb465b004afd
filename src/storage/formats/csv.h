#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/byte_stream.h"
#include "storage/file_split.h"
#include "storage/file_system.h"
#include "storage/padded_buffer.h"
#include "storage/text_reader.h"

// Comma-separated values after RFC 4180. A row ends with \n or \r\n, or at the end of the file; a field in quotes may
// hold delimiters, newlines, and quotes (doubled). Beyond the RFC: any delimiter and quote; lines with nothing on them
// are no rows; a byte order mark at the start of a file is skipped; quotes in a field that does not begin with one, and
// bytes after a closing quote, are bad data, because a file that is cut into splits cannot tell what they mean.

namespace millrace::storage {

struct CsvOptions {
  char delimiter = ',';
  char quote = '"';    ///< 0: quotes are bytes like others
  bool header = true;  ///< the first row of each file names its columns and is no data
  /// Whether a field in quotes may hold newlines. When not, one that does is bad data, and a large file can be cut into
  /// splits without looking through it (see csv_split.h).
  bool quoted_newlines = true;
  std::size_t columns = 0;  ///< how many fields a row must have; 0: any number
};

/// One row. The fields point into the reader and are valid until its next call; a CsvRow may be used again and again.
struct CsvRow {
  std::vector<std::string_view> fields;
  std::uint64_t offset = 0;  ///< of the row's first byte in the (decompressed) file
};

/// Reads the rows of a split that begins and ends at row starts (split_csv_files() makes such), or of a whole file.
/// One thread at a time.
class CsvReader {
 public:
  /// Throws Error(input) when the file cannot be read, and what next() throws for the header.
  CsvReader(const FileSystem& files, const FileSplit& split, const CsvOptions& options, TextReaderOptions reading = {});

  /// The column names; empty without options.header, and for a split that does not begin its file.
  const std::vector<std::string>& header() const { return header_; }

  /// Returns false at the end of the split. Throws Error(bad_data) naming file and byte for a row that is broken or has
  /// another number of fields; the next call then goes on with the next line.
  bool next(CsvRow& row);

  /// What next() gave last, as it stands in the file, without its newline; after an Error for a broken row, that row up
  /// to the end of its line, or as much of it as is in memory. Empty after any other Error. Valid until the next call
  /// of next().
  std::string_view row_text() const { return text_; }
  /// The place in the (decompressed) file of row_text(), or where reading stood when another Error was thrown.
  std::uint64_t row_offset() const { return text_offset_; }

  std::uint64_t consumed() const { return stream_->consumed(); }
  const std::string& path() const { return stream_->path(); }

 private:
  void open(const FileSystem& files, const FileSplit& split);
  void read_header();
  bool next_row(CsvRow& row);
  bool scan_row(CsvRow& row);
  bool scan_last_row(CsvRow& row);
  void check_open_field(std::size_t begin);
  void load_block(std::size_t at, bool in_quotes);
  std::string_view field(std::size_t begin, std::size_t end, bool has_quotes);
  std::string_view unquote(std::size_t begin, std::size_t end);
  std::string_view resolve_doubled_quotes(std::size_t begin, std::size_t end);
  bool read_more();
  std::size_t wanted_bytes(std::size_t rest) const;
  bool skip_line();
  [[noreturn]] void fail(std::size_t at, const std::string& problem);

  CsvOptions options_;
  TextReaderOptions reading_;
  std::unique_ptr<ByteStream> stream_;
  PaddedBuffer buffer_;
  std::vector<std::string> header_;
  std::string unquoted_;  ///< fields of the current row whose doubled quotes are resolved

  std::uint64_t base_ = 0;  ///< byte i of the buffer is byte base_ + i of the file, modulo 2^64
  std::uint64_t left_ = 0;  ///< how many bytes of the split are still to be read
  std::size_t begin_ = 0;   ///< where the next row begins in the buffer
  std::size_t filled_ = 0;
  bool stream_ended_ = false;
  std::string_view text_;
  std::uint64_t text_offset_ = 0;
  bool skip_line_ = false;  ///< begin_ lies in a broken row; the rest of its line is skipped

  // The 64 bytes at block_: bit i stands for byte block_ + i.
  std::size_t block_ = 0;
  std::uint64_t ends_ = 0;      ///< delimiters and newlines outside quotes that were not passed yet
  std::uint64_t newlines_ = 0;  ///< which of them are newlines
  std::uint64_t quotes_ = 0;    ///< quotes that were not passed yet
  bool in_quotes_ = false;      ///< at the end of the block
};

/// The names in the first row of a file.
std::vector<std::string> read_csv_header(const FileSystem& files, const std::string& path, const CsvOptions& options);

/// Appends a row with its \n; fields are quoted where they have to be. Reading it back gives the same fields (a row of
/// no fields cannot be told from one of a single empty field and is written as that).
void append_csv_row(std::string& to, std::span<const std::string_view> fields, const CsvOptions& options);

}  // namespace millrace::storage
