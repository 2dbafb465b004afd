#include <gtest/gtest.h>
#include <stdexcept>

#include <millrace/millrace.h>

#include "tests/workspace.h"

namespace millrace::testing {
namespace {

// More failures than a batch of lookups has places.
TEST(BroadcastJoinFailures, RecordsOnWhichWhatFollowsFailsAreLeftOut) {
  Workspace files;
  std::string lines;
  for (int i = 0; i < 400; ++i) lines += std::to_string(i) + '\n';
  Options options = files.options();
  options.skip_bad_records = 400;
  Context context(options);
  const auto keyed = [](std::string_view line) { return std::pair(line, line.size()); };
  const auto small = context.read_text(std::vector{files.write("small", lines)}).map(keyed);
  const auto kept = context.read_text(std::vector{files.write("large", lines)})
                        .map(keyed)
                        .broadcast_join(small)
                        .map([](const std::pair<std::string_view, std::pair<std::size_t, std::size_t>>& match) {
                          if ((match.first.back() - '0') % 2 != 0) throw std::runtime_error("odd");
                          return std::string(match.first);
                        })
                        .collect();
  std::vector<std::string> expected;
  for (int i = 0; i < 400; i += 2) expected.push_back(std::to_string(i));
  EXPECT_EQ(kept, expected);
}

}  // namespace
}  // namespace millrace::testing
