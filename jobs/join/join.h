#pragma once

#include <string>
#include <vector>

#include <millrace/millrace.h>

namespace millrace::jobs {

/// What to join on, and which lines without a partner to keep.
struct JoinSpec {
  std::uint32_t left_field = 0;  ///< from 0
  std::uint32_t right_field = 0;
  char separator = '\t';
  bool keep_left = false;
  bool keep_right = false;
  bool small_right = false;  ///< the right input fits in memory: every worker gets it, and the order of the left input,
                             ///< then of the right, is kept; not with keep_right
};

/// Lines as join(1) prints them: the key, the other fields of the left line, the other fields of the right line; a line
/// that is kept without a partner has the key and its own fields alone. In no particular order, but for small_right.
/// A line without the field is Error(bad_data).
Dataset<std::string_view> join_lines(Context& context, const std::vector<std::string>& left,
                                     const std::vector<std::string>& right, const JoinSpec& spec);

}  // namespace millrace::jobs
