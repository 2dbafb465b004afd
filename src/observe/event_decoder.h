#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "observe/logged.h"

namespace millrace::observe {

/// Why a line is not a record, for the reader to add file and line to.
class DecodeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Turns lines of an event log into records. One thread at a time; keeps its parser's memory from line to line.
class EventDecoder {
 public:
  /// The bytes after a line that must be readable, whatever they are.
  static const std::size_t padding;

  EventDecoder();
  ~EventDecoder();

  /// Throws DecodeError unless the line is the header of a version that this reader knows.
  void header(std::string_view line);

  /// False for a kind of record that this version does not know. Throws DecodeError for what is not a record.
  /// Unknown fields are ignored. REQUIRES: `padding` readable bytes after the line.
  bool record(std::string_view line, Logged& record);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace millrace::observe
