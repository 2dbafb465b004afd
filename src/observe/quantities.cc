#include "observe/quantities.h"

#include <cmath>
#include <cstddef>
#include <fmt/format.h>

namespace millrace::observe {
namespace {

// Three significant digits, as many as an eye compares.
std::string three_digits(double value) {
  return value >= 99.95   ? fmt::format("{:.0f}", value)
         : value >= 9.995 ? fmt::format("{:.1f}", value)
                          : fmt::format("{:.2f}", value);
}

}  // namespace

std::string bytes_text(double bytes) {
  static constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{:.0f} B", bytes);
  int unit = -1;
  while (bytes >= 1023.5 && unit < 5) {
    bytes /= 1024;
    ++unit;
  }
  return three_digits(bytes) + ' ' + units[unit < 0 ? 0 : unit];
}

std::string rate_text(double bytes, double seconds) {
  return bytes > 0 && seconds > 0 ? bytes_text(bytes / seconds) + "/s" : "";
}

std::string duration_text(std::int64_t microseconds) {
  const auto value = static_cast<double>(microseconds);
  if (microseconds < 1000) return fmt::format("{} us", microseconds);
  if (value < 999'500) return three_digits(value / 1e3) + " ms";
  if (value < 99.95e6) return three_digits(value / 1e6) + " s";
  const std::int64_t seconds = (microseconds + 500'000) / 1'000'000;
  if (seconds < 3600) return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string count_text(std::uint64_t count) {
  std::string text = fmt::format("{}", count);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

std::string signed_count_text(std::int64_t count) {
  const auto magnitude = count < 0 ? ~static_cast<std::uint64_t>(count) + 1 : static_cast<std::uint64_t>(count);
  return (count < 0 ? "-" : "") + count_text(magnitude);
}

std::string ratio_text(double ratio) { return ratio > 0 && std::isfinite(ratio) ? three_digits(ratio) + "x" : "-"; }

std::string percent_text(double part, double whole) {
  return whole > 0 ? fmt::format("{:.0f}%", 100 * part / whole) : "-";
}

}  // namespace millrace::observe
