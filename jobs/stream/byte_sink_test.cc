#include "jobs/stream/byte_sink.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace millrace::jobs::stream {
namespace {

std::vector<std::string> cut(const std::string& text, std::size_t piece) {
  std::vector<std::string> lines;
  const auto keep = [&](std::string_view line) { lines.emplace_back(line); };
  LineSplitter splitter;
  for (std::size_t at = 0; at < text.size(); at += piece) splitter.add(std::string_view(text).substr(at, piece), keep);
  splitter.end(keep);
  return lines;
}

TEST(LineSplitter, TheSameLinesWhateverThePieces) {
  for (const std::string text : {"", "\n", "a", "a\n", "\n\n", "one\n\ntwo three\nfour", "\nx\n\n"}) {
    std::vector<std::string> expected;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t newline = std::min(text.find('\n', at), text.size());
      expected.push_back(text.substr(at, newline - at));
      at = newline + 1;
    }
    for (std::size_t piece = 1; piece <= text.size() + 1; ++piece)
      EXPECT_EQ(cut(text, piece), expected) << text << " by " << piece;
  }
}

TEST(LineSplitter, StartsAnewAfterEachCommand) {
  LineSplitter splitter;
  std::vector<std::string> lines;
  const auto keep = [&](std::string_view line) { lines.emplace_back(line); };
  splitter.add("first", keep);
  splitter.end(keep);
  splitter.add("second\n", keep);
  splitter.end(keep);
  EXPECT_EQ(lines, (std::vector<std::string>{"first", "second"}));
}

}  // namespace
}  // namespace millrace::jobs::stream
