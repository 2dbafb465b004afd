#pragma once

#include <string>

#include <millrace/millrace.h>

#include "cli/standard_output.h"

namespace millrace::cli {

/// Writes a dataset as text: to part files in `output`, or in order to standard output when `output` is empty.
template <class T, class Chain>
void deliver(const Dataset<T, Chain>& dataset, const std::string& output) {
  if (!output.empty()) return dataset.write_text(output);
  std::string line;
  dataset.for_each_in_order([&line](const auto& element) {
    line.clear();
    internal::print_text(line, element);
    line.push_back('\n');
    print(line);
  });
}

}  // namespace millrace::cli
