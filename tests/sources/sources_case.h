#pragma once

#include <gtest/gtest.h>

#include "tests/workspace.h"

namespace millrace::testing {

/// A source's files in a workspace, read in pieces of a size, by threads, with an allowance of bad records.
class SourcesCase : public ::testing::Test {
 protected:
  Context context(std::uint64_t split = 0, unsigned threads = 2, std::uint64_t skips = 0) {
    Options options = workspace.options(threads);
    options.split_bytes = split;
    options.skip_bad_records = skips;
    return Context(options);
  }
  Workspace workspace;
};

}  // namespace millrace::testing
