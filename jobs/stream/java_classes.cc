#include "jobs/stream/java_classes.h"

namespace millrace::jobs::stream {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_name(char c) { return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$'; }

}  // namespace

bool names_class(std::string_view text, std::string_view simple_name) {
  if (text == simple_name) return true;
  return text.starts_with("org.apache.hadoop.") && text.ends_with(simple_name) &&
         text[text.size() - simple_name.size() - 1] == '.';
}

bool looks_like_class(std::string_view text) {
  std::size_t dots = 0;
  char before = '.';
  char last_part_begins = 0;
  for (const char c : text) {
    if (before == '.') {
      if (!is_name(c)) return false;
      last_part_begins = c;
    }
    if (c == '.') {
      ++dots;
    } else if (!is_name(c)) {
      return false;
    }
    before = c;
  }
  return dots > 0 && before != '.' && is_upper(last_part_begins);
}

}  // namespace millrace::jobs::stream
