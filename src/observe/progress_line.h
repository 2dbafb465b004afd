#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::observe {

/// A line of a terminal that is put together from pieces and never grows wider than it. A piece may be coloured; what
/// counts is what is seen: one column a code point.
class ProgressLine {
 public:
  enum class Colour : unsigned char { none, green, red, dim };

  ProgressLine(std::size_t columns, bool colour) : columns_(columns), colour_(colour) {}

  /// Appends as much of the piece as there is room for.
  void add(std::string_view piece, Colour colour = Colour::none);
  /// Appends the text, cut with an ellipsis or padded to exactly `width` columns.
  void add_cell(std::string_view text, std::size_t width, std::string_view ellipsis);

  std::size_t room() const noexcept { return columns_ - used_; }
  const std::string& text() const noexcept { return text_; }

 private:
  std::size_t columns_;
  bool colour_;
  std::size_t used_ = 0;
  std::string text_;
};

/// The columns that UTF-8 text takes, a code point a column.
std::size_t columns_of(std::string_view text) noexcept;

}  // namespace millrace::observe
