#include "jobs/index/document_id.h"

#include <algorithm>

namespace millrace::jobs {

bool comes_before(std::string_view a, std::string_view b) {
  a = a.substr(0, a.find(':'));
  b = b.substr(0, b.find(':'));
  const auto is_number = [](std::string_view id) {
    return !id.empty() && id.find_first_not_of("0123456789") == id.npos;
  };
  if (is_number(a) != is_number(b)) return is_number(a);
  if (is_number(a)) {
    const std::string_view a_digits = a.substr(std::min(a.find_first_not_of('0'), a.size()));
    const std::string_view b_digits = b.substr(std::min(b.find_first_not_of('0'), b.size()));
    if (a_digits.size() != b_digits.size()) return a_digits.size() < b_digits.size();
    if (a_digits != b_digits) return a_digits < b_digits;
  }
  return a < b;
}

}  // namespace millrace::jobs
