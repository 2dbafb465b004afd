#include "jobs/index/document_id.h"

#include <algorithm>

namespace millrace::jobs {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_number(std::string_view id) { return !id.empty() && std::all_of(id.begin(), id.end(), is_digit); }

}  // namespace

bool comes_before(std::string_view a, std::string_view b) {
  if (!a.empty() && !b.empty() && !is_digit(a.front()) && !is_digit(b.front())) return a < b;
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
