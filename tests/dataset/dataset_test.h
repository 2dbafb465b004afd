#pragma once

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/workspace.h"

namespace millrace::testing {

/// One way to run a job. No result may depend on it.
struct Shape {
  const char* name;
  unsigned threads;
  std::uint64_t memory_bytes;
  bool file_shuffle;
};

inline std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.name; }

inline const Shape shapes[] = {
    {"in_the_calling_thread", 0, std::uint64_t{256} << 20, false},
    {"two_threads", 2, std::uint64_t{256} << 20, false},
    {"through_files", 2, std::uint64_t{64} << 20, true},
    {"little_memory", 3, std::uint64_t{4} << 20, false},
};

/// Runs each test in every shape.
class DatasetTest : public ::testing::TestWithParam<Shape> {
 protected:
  Options options() const {
    Options options = workspace.options(GetParam().threads, GetParam().memory_bytes);
    options.file_shuffle = GetParam().file_shuffle;
    return options;
  }

  Workspace workspace;
  Context context{options()};
};

#define MILLRACE_ALL_SHAPES(fixture)                                     \
  INSTANTIATE_TEST_SUITE_P(Shapes, fixture, ::testing::ValuesIn(shapes), \
                           [](const auto& each) { return std::string(each.param.name); })

}  // namespace millrace::testing
