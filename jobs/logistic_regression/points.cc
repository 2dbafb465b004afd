#include "jobs/logistic_regression/points.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <millrace/error.h>

namespace millrace::jobs {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/// The number at `at`, with blanks around it; moves `at` behind it.
double read_number(const char*& at, const char* end) {
  while (at != end && is_blank(*at)) ++at;
  double value = 0;
  const auto [stop, error] = std::from_chars(at, end, value);
  if (error != std::errc{} || !std::isfinite(value))
    throw Error(Cause::bad_data, "'" + std::string(at, std::find(at, end, ',')) + "' is not a number");
  at = stop;
  while (at != end && is_blank(*at)) ++at;
  return value;
}

}  // namespace

void PointReader::add(std::string_view line) {
  const char* at = line.data();
  const char* const end = at + line.size();
  for (std::size_t j = 0; j < features_; ++j) {
    value(j) = read_number(at, end);
    if (at == end || *at != ',')
      throw Error(Cause::bad_data,
                  "expected " + std::to_string(features_) + " numbers and a label with commas between them");
    ++at;
  }
  const double label = read_number(at, end);
  if (at != end || (label != 0 && label != 1))
    throw Error(Cause::bad_data, "expected a label, 0 or 1, behind " + std::to_string(features_) + " numbers");
  for (std::size_t j = 0; j < features_ && label == 0; ++j) value(j) = -value(j);
  ++rows_;
}

PointBlock PointReader::block() const {
  return {rows_, {reinterpret_cast<const char*>(values_.data()), values_.size() * sizeof(double)}};
}

void PointReader::clear() {
  std::fill(values_.begin(), values_.end(), 0.0);
  rows_ = 0;
}

std::size_t PointReader::features_of(std::string_view line) {
  return static_cast<std::size_t>(std::count(line.begin(), line.end(), ','));
}

}  // namespace millrace::jobs
