#include "exec/word_edges.h"

#include <gtest/gtest.h>
#include <random>
#include <string>

#include <millrace/text.h>

namespace millrace::exec {
namespace {

std::vector<std::uint16_t> edges_by_byte(const std::string& text, bool in_word) {
  std::vector<std::uint16_t> edges;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (internal::is_space(text[i]) == in_word) {
      edges.push_back(static_cast<std::uint16_t>(i));
      in_word = !in_word;
    }
  }
  return edges;
}

std::vector<std::uint16_t> edges_by(WordEdges way, const std::string& text, bool in_word) {
  std::vector<std::uint16_t> edges(text.size() + 64);
  edges.resize(way(text.data(), text.size(), in_word, edges.data()));
  return edges;
}

TEST(WordEdges, EveryWayFindsWhatALookAtEachByteDoes) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string bytes("ab\0\x7f\x80\xff\x08\x0e\x1f!\t\n\v\f\r ", 16);
  for (int round = 0; round < 3000; ++round) {
    std::string text(random() % 700, 'x');
    const std::uint64_t spaces = 1 + random() % 40;  // from every other byte to hardly any
    for (char& c : text) c = random() % spaces == 0 ? bytes[10 + random() % 6] : bytes[random() % 10];
    for (const bool in_word : {false, true}) {
      const std::vector<std::uint16_t> expected = edges_by_byte(text, in_word);
      for (const WordEdges way : ways_to_word_edges()) ASSERT_EQ(edges_by(way, text, in_word), expected) << text;
    }
  }
}

TEST(WordEdges, OfNothingThereAreNone) {
  for (const WordEdges way : ways_to_word_edges()) {
    EXPECT_TRUE(edges_by(way, "", false).empty());
    EXPECT_TRUE(edges_by(way, "", true).empty());
  }
}

TEST(Words, GoOnWhereAStrideEnds) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    std::vector<std::string> expected;
    while (text.size() < 20000) {
      text.append(random() % 3, ' ');
      if (!text.empty() && !internal::is_space(text.back())) text += '\n';
      expected.emplace_back(1 + (random() % 50 == 0 ? random() % 9000 : random() % 9), 'w');
      text += expected.back();
    }
    std::vector<std::string> found;
    words(text, [&](std::string_view word) { found.emplace_back(word); });
    ASSERT_EQ(found, expected);
  }
}

}  // namespace
}  // namespace millrace::exec
