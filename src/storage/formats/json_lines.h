#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <millrace/json_value.h>

#include "storage/file_split.h"
#include "storage/file_system.h"
#include "storage/text_reader.h"

// JSON Lines: one JSON text (RFC 8259, UTF-8) a line. Lines with nothing but white space are no values.

namespace millrace::storage {

/// Parses one JSON text after another, in memory that is used again. One thread at a time.
class JsonParser {
 public:
  JsonParser();
  JsonParser(const JsonParser&) = delete;
  JsonParser& operator=(const JsonParser&) = delete;
  ~JsonParser();

  /// The value of `text`, valid until the next call. The PaddedBuffer::padding bytes after the text have to be
  /// readable; every line of a TextReader's buffer is such a text. Throws Error(bad_data) with the parser's reason.
  JsonValue parse(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads the values of a split of a JSON Lines file, which may be cut anywhere. One thread at a time.
class JsonLinesReader {
 public:
  /// Throws Error(input) when the file cannot be read.
  JsonLinesReader(const FileSystem& files, const FileSplit& split, TextReaderOptions options = {});

  /// The next value, valid until the next call; `offset` is the place of its line in the (decompressed) file. Returns
  /// false at the end of the split. Throws Error(bad_data) naming file and byte for a line that is no JSON; the next
  /// call goes on with the next line.
  bool next(JsonValue& value, std::uint64_t& offset);

  std::uint64_t consumed() const { return text_.consumed(); }
  const std::string& path() const { return text_.path(); }

 private:
  bool next_line(std::string_view& line, std::uint64_t& offset);

  TextReader text_;
  JsonParser parser_;
  std::string_view lines_;    ///< of the current buffer, what is still to come
  std::uint64_t offset_ = 0;  ///< of lines_
};

}  // namespace millrace::storage
