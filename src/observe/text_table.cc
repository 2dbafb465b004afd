#include "observe/text_table.h"

#include <algorithm>
#include <utility>

#include "observe/progress_line.h"

namespace millrace::observe {

TextTable::TextTable(std::vector<std::string> titles, std::vector<Align> align) : align_(std::move(align)) {
  rows_.push_back(std::move(titles));
}

void TextTable::add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

std::string TextTable::text(std::string_view indent) const {
  std::vector<std::size_t> widths(align_.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    text += indent;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string space(widths[i] - columns_of(row[i]), ' ');
      text += i > 0 ? "  " : "";
      text += align_[i] == Align::left ? row[i] + space : space + row[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

}  // namespace millrace::observe
