#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <millrace/error.h>

namespace millrace::jobs {

using Line = std::string_view;
using Keyed = std::pair<std::string_view, Line>;

/// A line with the field that it is joined on.
struct KeyOf {
  std::uint32_t index;
  char separator;

  Keyed operator()(Line line) const {
    std::size_t begin = 0;
    for (std::uint32_t i = 0; i < index; ++i) {
      begin = line.find(separator, begin) + 1;
      if (begin == 0) throw Error(Cause::bad_data, "the line has no field " + std::to_string(index + 1));
    }
    return {line.substr(begin, line.find(separator, begin) - begin), line};
  }
};

}  // namespace millrace::jobs
