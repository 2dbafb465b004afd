#include "observe/progress_line.h"

#include <algorithm>

namespace millrace::observe {
namespace {

bool starts_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

// The first `columns` code points of the text.
std::string_view cut(std::string_view text, std::size_t columns) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (starts_code_point(text[at]) && columns-- == 0) break;
  }
  return text.substr(0, at);
}

const char* escape(ProgressLine::Colour colour) {
  switch (colour) {
    case ProgressLine::Colour::none:
      return "";
    case ProgressLine::Colour::green:
      return "\x1b[32m";
    case ProgressLine::Colour::red:
      return "\x1b[31m";
    case ProgressLine::Colour::dim:
      return "\x1b[2m";
  }
  return "";
}

}  // namespace

std::size_t columns_of(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_code_point));
}

void ProgressLine::add(std::string_view piece, Colour colour) {
  piece = cut(piece, room());
  if (piece.empty()) return;
  used_ += columns_of(piece);
  const bool coloured = colour_ && colour != Colour::none;
  if (coloured) text_ += escape(colour);
  text_ += piece;
  if (coloured) text_ += "\x1b[0m";
}

void ProgressLine::add_cell(std::string_view text, std::size_t width, std::string_view ellipsis) {
  const std::size_t wide = columns_of(text);
  if (wide <= width) {
    add(text);
    add(std::string(width - wide, ' '));
    return;
  }
  const std::size_t dots = std::min(columns_of(ellipsis), width);
  add(cut(text, width - dots));
  add(cut(ellipsis, dots));
}

}  // namespace millrace::observe
