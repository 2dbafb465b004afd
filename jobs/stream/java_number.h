#pragma once

#include <cstdint>
#include <string>

namespace millrace::jobs::stream {

/// Numbers as Java prints them, so that results equal those of Hadoop's own classes: 3.0, 1.25E7, 1.0E-4, NaN,
/// Infinity.
std::string java_text(double number);
std::string java_text(std::int64_t number);

}  // namespace millrace::jobs::stream
