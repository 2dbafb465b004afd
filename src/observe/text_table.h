#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::observe {

/// Rows of cells in aligned columns for a fixed-width font. A column is as wide as its widest cell.
class TextTable {
 public:
  enum class Align : unsigned char { left, right };

  /// A row must have as many cells as there are columns.
  TextTable(std::vector<std::string> titles, std::vector<Align> align);
  void add(std::vector<std::string> cells);

  /// Titles and rows, each line after `indent`, without spaces at its end.
  std::string text(std::string_view indent) const;

 private:
  std::vector<Align> align_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace millrace::observe
