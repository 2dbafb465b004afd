#include "storage/formats/json_lines.h"

#include <algorithm>
#include <fmt/format.h>
#include <simdjson.h>
#include <utility>

#include <millrace/error.h>

#include "storage/formats/json_access.h"

namespace millrace::storage {

static_assert(PaddedBuffer::padding >= simdjson::SIMDJSON_PADDING, "a text can be parsed where it lies");

struct JsonParser::State {
  simdjson::dom::parser parser;
};

JsonParser::JsonParser() : state_(std::make_unique<State>()) {}
JsonParser::~JsonParser() = default;

JsonValue JsonParser::parse(std::string_view text) {
  simdjson::dom::element element;
  const auto error = state_->parser.parse(text.data(), text.size(), false).get(element);
  if (error == simdjson::MEMALLOC || error == simdjson::CAPACITY) {
    throw Error(Cause::out_of_memory, fmt::format("no memory to parse a JSON text of {} bytes", text.size()));
  }
  if (error != simdjson::SUCCESS) {
    throw Error(Cause::bad_data, fmt::format("not a JSON text: {}", simdjson::error_message(error)));
  }
  return JsonAccess::wrap(element);
}

JsonLinesReader::JsonLinesReader(const FileSystem& files, const FileSplit& split, TextReaderOptions options)
    : text_(files, split, std::move(options)) {}

bool JsonLinesReader::next_line(std::string_view& line, std::uint64_t& offset) {
  for (;;) {
    if (lines_.empty() && !text_.next(lines_, offset_)) return false;
    const std::size_t end = std::min(lines_.find('\n'), lines_.size() - 1) + 1;
    line = lines_.substr(0, end);
    offset = offset_;
    lines_.remove_prefix(end);
    offset_ += end;
    if (line.find_first_not_of(" \t\r\n") != std::string_view::npos) return true;
  }
}

bool JsonLinesReader::next(JsonValue& value, std::uint64_t& offset) {
  std::string_view line;
  if (!next_line(line, offset)) return false;
  try {
    value = parser_.parse(line);
  } catch (const Error& error) {
    throw Error(error.cause(), fmt::format("{}: the line at byte {}: {}", path(), offset, error.what()));
  }
  return true;
}

}  // namespace millrace::storage
