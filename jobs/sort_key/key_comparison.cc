#include <cmath>
#include <cstdlib>
#include <string>

#include "jobs/sort_key/characters.h"
#include "jobs/sort_key/decimal.h"
#include "jobs/sort_key/sort_key.h"

// How two keys compare, one function a kind. sort(1) skips leading blanks for every kind but bytes.

namespace millrace::jobs {
namespace {

std::string_view skip_blanks(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && is_blank(text[at])) ++at;
  return text.substr(at);
}

}  // namespace

Decimal read_decimal(std::string_view text) {
  Decimal number;
  text = skip_blanks(text);
  if (!text.empty() && text.front() == '-') {
    number.negative = true;
    text.remove_prefix(1);
  }
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at])) ++at;
  const std::size_t first = text.substr(0, at).find_first_not_of('0');
  if (first != std::string_view::npos) number.whole = text.substr(first, at - first);
  if (at < text.size() && text[at] == '.') {
    const std::size_t begin = ++at;
    while (at < text.size() && is_digit(text[at])) ++at;
    number.fraction = text.substr(begin, at - begin);
    number.fraction = number.fraction.substr(0, number.fraction.find_last_not_of('0') + 1);
  }
  if (at < text.size()) number.suffix = text[at];
  if (number.is_zero()) number.negative = false;
  return number;
}

namespace {

int compare_magnitudes(const Decimal& left, const Decimal& right) {
  if (left.whole.size() != right.whole.size()) return left.whole.size() < right.whole.size() ? -1 : 1;
  const int whole = left.whole.compare(right.whole);
  return whole != 0 ? whole : left.fraction.compare(right.fraction);
}

int compare_decimals(const Decimal& left, const Decimal& right) {
  if (left.negative != right.negative) return left.negative ? -1 : 1;
  const int order = compare_magnitudes(left, right);
  return left.negative ? -order : order;
}

/// The weight of a unit suffix: 0 for none, K = 1, M = 2, …
int unit_weight(char suffix) {
  constexpr std::string_view units = "KMGTPEZY";
  const std::size_t at = units.find(suffix == 'k' ? 'K' : suffix);
  return suffix == 0 || at == std::string_view::npos ? 0 : static_cast<int>(at) + 1;
}

int compare_human(std::string_view left_text, std::string_view right_text) {
  const Decimal left = read_decimal(left_text);
  const Decimal right = read_decimal(right_text);
  const auto weight = [](const Decimal& number) {
    const int unit = number.is_zero() ? 0 : unit_weight(number.suffix);
    return number.negative ? -unit : unit;
  };
  if (left.negative == right.negative && weight(left) != weight(right)) return weight(left) < weight(right) ? -1 : 1;
  return compare_decimals(left, right);
}

int compare_general(std::string_view left_text, std::string_view right_text) {
  const std::string left(left_text);
  const std::string right(right_text);
  char* left_end = nullptr;
  char* right_end = nullptr;
  const long double a = std::strtold(left.c_str(), &left_end);
  const long double b = std::strtold(right.c_str(), &right_end);
  const bool left_is_number = left_end != left.c_str();
  const bool right_is_number = right_end != right.c_str();
  if (!left_is_number || !right_is_number) return static_cast<int>(left_is_number) - static_cast<int>(right_is_number);
  if (a < b) return -1;
  if (a > b) return 1;
  if (a == b) return 0;
  if (std::isnan(a) && std::isnan(b)) return static_cast<int>(std::signbit(b)) - static_cast<int>(std::signbit(a));
  return static_cast<int>(std::isnan(b)) - static_cast<int>(std::isnan(a));
}

/// 1 to 12; 0 for what is no month.
int month(std::string_view text) {
  constexpr std::string_view names = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
  text = skip_blanks(text);
  if (text.size() < 3) return 0;
  const char name[3] = {upper(text[0]), upper(text[1]), upper(text[2])};
  for (std::size_t at = 0; at < names.size(); at += 3) {
    if (names.substr(at, 3) == std::string_view(name, 3)) return static_cast<int>(at / 3) + 1;
  }
  return 0;
}

int compare_translated(std::string_view left, std::string_view right, const KeyOrdering& ordering) {
  std::size_t i = 0;
  std::size_t j = 0;
  for (;; ++i, ++j) {
    while (i < left.size() && !counts(left[i], ordering)) ++i;
    while (j < right.size() && !counts(right[j], ordering)) ++j;
    if (i == left.size() || j == right.size())
      return static_cast<int>(i < left.size()) - static_cast<int>(j < right.size());
    const auto a = static_cast<unsigned char>(ordering.fold_case ? upper(left[i]) : left[i]);
    const auto b = static_cast<unsigned char>(ordering.fold_case ? upper(right[j]) : right[j]);
    if (a != b) return a < b ? -1 : 1;
  }
}

int compare_forward(std::string_view left, std::string_view right, const KeyOrdering& ordering) {
  switch (ordering.kind) {
    case KeyOrdering::Kind::numeric:
      return compare_decimals(read_decimal(left), read_decimal(right));
    case KeyOrdering::Kind::general:
      return compare_general(left, right);
    case KeyOrdering::Kind::human:
      return compare_human(left, right);
    case KeyOrdering::Kind::month:
      return month(left) - month(right);
    case KeyOrdering::Kind::bytes:
      break;
  }
  const bool plain = !ordering.dictionary && !ordering.printable && !ordering.fold_case;
  return plain ? left.compare(right) : compare_translated(left, right, ordering);
}

}  // namespace

int compare_keys(std::string_view left, std::string_view right, const KeyOrdering& ordering) {
  const int order = compare_forward(left, right, ordering);
  return ordering.reverse ? -order : order;
}

}  // namespace millrace::jobs
