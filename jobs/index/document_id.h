#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace millrace::jobs {

/// Numbers the documents of a task, so that postings can say by a small difference which is the next one: most ids
/// differ from each other only in the number at their end.
class DocumentMarks {
 public:
  /// The ids of a series are equal but for their last digits, at most nine, which are the lower bits of the mark; those
  /// above are the number of the series, from 1. (No task reads 2^34 lines.)
  static constexpr unsigned value_bits = 30;

  /// Equal marks mean equal ids. In a series ids become greater marks when the number at their end is greater, and
  /// adding the difference of two marks to the digits of one id gives the other.
  std::uint64_t of(std::string_view id);

 private:
  std::array<char, 48> prefix_{};  // of the ids of the series; a longer one is a series of its own
  std::size_t prefix_size_ = 0;
  std::size_t least_digits_ = 0;  // which zeros make up; 0: there is no number
  std::uint64_t series_ = 0;
};

/// The order of document ids: numbers by value and before all others, which go by their bytes. Total: ids that are the
/// same number differ in leading zeros, and go by their bytes.
bool comes_before(std::string_view a, std::string_view b);

}  // namespace millrace::jobs
