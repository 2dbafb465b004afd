#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <string>

#include "jobs/sort_key/characters.h"
#include "jobs/sort_key/decimal.h"
#include "jobs/sort_key/sort_key.h"

namespace millrace::jobs {
namespace {

constexpr std::uint64_t top_bit = std::uint64_t{1} << 63;

/// The first eight bytes that the ordering looks at, as a number that compares as they do.
std::uint64_t bytes_prefix(std::string_view key, const KeyOrdering& ordering) {
  std::uint64_t prefix = 0;
  unsigned shift = 64;
  for (std::size_t i = 0; i < key.size() && shift != 0; ++i) {
    if (!counts(key[i], ordering)) continue;
    shift -= 8;
    prefix |= std::uint64_t{static_cast<unsigned char>(ordering.fold_case ? upper(key[i]) : key[i])} << shift;
  }
  return prefix;
}

/// The number of digits before the point, then the first 15 digits.
std::uint64_t decimal_prefix(std::string_view key) {
  const Decimal number = read_decimal(key);
  constexpr std::size_t most_digits = 4095;
  constexpr std::size_t kept = 15;  // 10^15 < 2^50
  std::uint64_t magnitude = std::uint64_t{most_digits} << 50;
  if (number.whole.size() < most_digits) {
    std::uint64_t digits = 0;
    for (std::size_t i = 0; i < kept; ++i) {
      const std::size_t j = i - number.whole.size();
      const char digit = i < number.whole.size()      ? number.whole[i]
                         : j < number.fraction.size() ? number.fraction[j]
                                                      : '0';
      digits = digits * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    magnitude = std::uint64_t{number.whole.size()} << 50 | digits;
  }
  return number.negative ? top_bit - 1 - magnitude : top_bit + magnitude;
}

/// What is no number before NaN before the numbers.
std::uint64_t general_prefix(std::string_view key) {
  const std::string text(key);
  char* end = nullptr;
  const auto value = static_cast<double>(std::strtold(text.c_str(), &end));
  if (end == text.c_str()) return 0;
  if (std::isnan(value)) return 1;
  const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);  // one zero
  return (bits & top_bit) != 0 ? ~bits : bits | top_bit;
}

}  // namespace

std::uint64_t key_prefix(std::string_view key, const KeyOrdering& ordering) {
  std::uint64_t prefix = 0;
  switch (ordering.kind) {
    case KeyOrdering::Kind::bytes:
      prefix = bytes_prefix(key, ordering);
      break;
    case KeyOrdering::Kind::numeric:
      prefix = decimal_prefix(key);
      break;
    case KeyOrdering::Kind::general:
      prefix = general_prefix(key);
      break;
    case KeyOrdering::Kind::human:
    case KeyOrdering::Kind::month:
      return 0;
  }
  return ordering.reverse ? ~prefix : prefix;
}

}  // namespace millrace::jobs
