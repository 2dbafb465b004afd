#include "observe/json_text.h"

#include <cstddef>

namespace millrace::observe {
namespace {

// The length of the valid UTF-8 sequence at the start of `text`, which starts with a byte from 0x80 on; 0 when it is
// none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool surrogate = lead == 0xED && second >= 0xA0;
  const bool too_large = lead == 0xF4 && second >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

void append_escape(std::string& out, unsigned char character) {
  static constexpr char hex[] = "0123456789abcdef";
  switch (character) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      out += "\\u00";
      out += hex[character >> 4];
      out += hex[character & 15];
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain = 0;  // where the run that needs no change began
  std::size_t at = 0;
  while (at < text.size()) {
    const auto character = static_cast<unsigned char>(text[at]);
    if (character >= 0x20 && character < 0x80 && character != '"' && character != '\\') {
      ++at;
      continue;
    }
    const std::size_t length = character < 0x80 ? 0 : sequence_length(text.substr(at));
    if (length > 0) {
      at += length;
      continue;
    }
    out.append(text, plain, at - plain);
    if (character < 0x80) {
      append_escape(out, character);
    } else {
      out += "\xEF\xBF\xBD";
    }
    plain = ++at;
  }
  out.append(text, plain, at - plain);
  out += '"';
}

}  // namespace millrace::observe
