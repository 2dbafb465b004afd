#include <charconv>
#include <fmt/format.h>

#include <millrace/dataset.h>

namespace millrace::internal {
namespace {

template <class N>
void print(std::string& out, N value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

}  // namespace

void print_number(std::string& out, std::uint64_t value) { print(out, value); }
void print_number(std::string& out, std::int64_t value) { print(out, value); }

// The shortest text that reads back as the same number.
void print_number(std::string& out, double value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value);
  out.append(text, end.ptr);
}

void print_csv_field(std::string& out, std::string_view text, char separator) {
  const bool quote = text.find_first_of("\"\r\n") != text.npos || text.find(separator) != text.npos;
  if (!quote) {
    out.append(text);
    return;
  }
  out.push_back('"');
  for (const char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

}  // namespace millrace::internal
