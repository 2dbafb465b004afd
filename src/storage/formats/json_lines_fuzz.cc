#include <cstdint>
#include <cstdlib>

#include <millrace/error.h>

#include "storage/formats/json_lines.h"
#include "storage/memory_file_system.h"

// Any bytes are values or are refused as bad data, line by line and whatever the buffers; what a value says about
// itself agrees, and its text gives it back. The first byte chooses the buffer.

namespace {

using namespace millrace;
using namespace millrace::storage;

/// Calls everything that a value of each kind can be asked.
void walk(const JsonValue& value) {
  switch (value.kind()) {
    case JsonValue::Kind::missing:
      std::abort();
    case JsonValue::Kind::null:
      break;
    case JsonValue::Kind::boolean:
      value.as_bool();
      break;
    case JsonValue::Kind::integer:
      value.as_int64();
      break;
    case JsonValue::Kind::unsigned_integer:
      value.as_uint64();
      break;
    case JsonValue::Kind::real:
      value.as_double();
      break;
    case JsonValue::Kind::text:
      value.as_text();
      break;
    case JsonValue::Kind::array:
      if (value.elements().size() != value.size()) std::abort();
      for (const JsonValue& element : value.elements()) walk(element);
      break;
    case JsonValue::Kind::object:
      for (const auto& [key, member] : value.members()) {
        if (value[key].is_missing()) std::abort();
        walk(member);
      }
      break;
  }
}

void check(const JsonValue& value) {
  walk(value);
  const std::string text = value.to_json();
  const std::string padded = text + std::string(PaddedBuffer::padding, '\0');
  JsonParser parser;
  if (parser.parse(std::string_view(padded).substr(0, text.size())).to_json() != text) std::abort();
}

/// All values as text, and "!" for each line that is none.
std::string read(const FileSystem& files, const FileSplit& split, std::size_t chunk) {
  JsonLinesReader reader(files, split, {chunk, {}});
  std::string seen;
  for (;;) {
    try {
      JsonValue value;
      std::uint64_t offset = 0;
      if (!reader.next(value, offset)) return seen;
      check(value);
      seen += std::to_string(offset) + value.to_json();
    } catch (const Error& error) {
      if (error.cause() != Cause::bad_data) std::abort();
      seen += '!';
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  MemoryFileSystem files;
  const auto file = files.create("/x");
  file->write(std::as_bytes(std::span(data + 1, size - 1)));
  file->close();
  const std::string whole = read(files, {"/x", 0, size - 1, false}, 1 << 18);
  const std::size_t cut = data[0] % size;
  const std::string first = read(files, {"/x", 0, cut, false}, 1 + data[0]);
  const std::string second = read(files, {"/x", cut, size - 1, false}, 1 + data[0]);
  if (first + second != whole) std::abort();
  return 0;
}
