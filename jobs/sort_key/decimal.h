#pragma once

#include <string_view>

namespace millrace::jobs {

/// A decimal number of any length, as text: whole part without leading zeros, fraction without trailing ones.
struct Decimal {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  char suffix = 0;  ///< the character after the number, 0 at the end

  bool is_zero() const { return whole.empty() && fraction.empty(); }
};

/// The number at the beginning of a key, as sort -n reads it: blanks, optional minus, digits, fraction. 0 when there is
/// none. The parts point into `text`.
Decimal read_decimal(std::string_view text);

}  // namespace millrace::jobs
