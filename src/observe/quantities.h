#pragma once

#include <cstdint>
#include <string>

// Numbers as people read them, in all views alike.

namespace millrace::observe {

std::string bytes_text(double bytes);                  ///< "0 B", "17 KiB", "1.24 GiB"
std::string rate_text(double bytes, double seconds);   ///< "310 MiB/s"; empty for no bytes or no time
std::string duration_text(std::int64_t microseconds);  ///< "850 us", "12.3 ms", "4.56 s", "3:07", "1:03:07"
std::string count_text(std::uint64_t count);           ///< "1,234,567"
std::string signed_count_text(std::int64_t count);     ///< "-1,234"
std::string ratio_text(double ratio);                  ///< "1.24x"; "-" when there is none
std::string percent_text(double part, double whole);   ///< "37%"; "-" of nothing

}  // namespace millrace::observe
