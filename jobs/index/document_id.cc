#include "jobs/index/document_id.h"

#include <algorithm>
#include <charconv>

namespace millrace::jobs {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_number(std::string_view id) { return !id.empty() && std::all_of(id.begin(), id.end(), is_digit); }

std::size_t digits_of(std::uint64_t value) {
  std::size_t digits = 1;
  for (; value >= 10; value /= 10) ++digits;
  return digits;
}

}  // namespace

std::uint64_t DocumentMarks::of(std::string_view id) {
  constexpr std::size_t most_digits = 9;
  std::size_t begin = id.size();
  while (begin != 0 && id.size() - begin < most_digits && is_digit(id[begin - 1])) --begin;
  const std::size_t digits = id.size() - begin;
  std::uint64_t value = 0;
  std::from_chars(id.data() + begin, id.data() + id.size(), value);
  const std::string_view prefix = id.substr(0, begin);
  const std::size_t expected = least_digits_ == 0 ? 0 : std::max(least_digits_, digits_of(value));
  if (series_ == 0 || digits != expected || prefix != std::string_view(prefix_.data(), prefix_size_) ||
      prefix.size() == prefix_.size()) {
    ++series_;
    prefix_size_ = std::min(prefix.size(), prefix_.size());
    std::copy_n(prefix.data(), prefix_size_, prefix_.data());
    const bool is_cut = begin != 0 && is_digit(id[begin - 1]);
    least_digits_ = is_cut || (digits != 0 && id[begin] == '0') ? digits : std::min<std::size_t>(digits, 1);
  }
  return series_ << value_bits | value;
}

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
