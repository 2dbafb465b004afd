#include "jobs/stream/java_number.h"

#include <array>
#include <charconv>
#include <cmath>

namespace millrace::jobs::stream {

std::string java_text(std::int64_t number) { return std::to_string(number); }

std::string java_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  if (number == 0) return std::signbit(number) ? "-0.0" : "0.0";
  const double magnitude = std::fabs(number);
  const bool plain = magnitude >= 1e-3 && magnitude < 1e7;
  std::array<char, 64> digits;
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number, format);
  std::string text(digits.data(), error == std::errc{} ? end : digits.data());
  if (plain) return text.find('.') == std::string::npos ? text + ".0" : text;
  // d.ddde+XX becomes d.dddEX
  const std::size_t e = text.find('e');
  std::string mantissa = text.substr(0, e);
  if (mantissa.find('.') == std::string::npos) mantissa += ".0";
  const int exponent = std::stoi(text.substr(e + 1));
  return mantissa + "E" + std::to_string(exponent);
}

}  // namespace millrace::jobs::stream
