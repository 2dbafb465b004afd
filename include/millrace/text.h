#pragma once

#include <cstdint>
#include <string_view>

#include <millrace/internal/held.h>

namespace millrace {

namespace internal {
/// Where in a text of up to 65,535 bytes words begin and end, by turns: the places of bytes that are ASCII white space
/// (space, \t, \n, \v, \f, \r) and follow one that is not, or the other way round. `in_word`: the byte before the text
/// is part of a word. Returns how many there are; writes up to 64 more, so there must be room for length + 64. Chooses
/// the widest instructions of the processor when first called.
std::size_t word_edges(const char* text, std::size_t length, bool in_word, std::uint16_t* edges);

constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
}  // namespace internal

/// flat_map(words): the words of a text, split on ASCII white space. The words are views into the text.
struct Words {
  using element = std::string_view;
  static constexpr bool whole_buffers = true;

  template <class Emit>
  void operator()(std::string_view text, Emit&& emit) const {
    constexpr std::size_t stride = 4096;
    std::uint16_t edges[stride + 64];
    const char* open = nullptr;  // where the current word began
    auto give = internal::held<std::string_view>(emit);
    for (std::size_t base = 0; base < text.size(); base += stride) {
      const char* const at = text.data() + base;
      const std::size_t length = text.size() - base < stride ? text.size() - base : stride;
      const std::size_t count = internal::word_edges(at, length, open != nullptr, edges);
      std::size_t i = 0;
      if (open != nullptr && count != 0) {
        give(std::string_view(open, static_cast<std::size_t>(at + edges[0] - open)));
        open = nullptr;
        i = 1;
      }
      for (; i + 1 < count; i += 2) {
        give(std::string_view(at + edges[i], static_cast<std::size_t>(edges[i + 1] - edges[i])));
      }
      if (i < count) open = at + edges[i];
    }
    if (open != nullptr) give(std::string_view(open, static_cast<std::size_t>(text.data() + text.size() - open)));
  }
};
inline constexpr Words words;

/// Field `index` (from 0) of a line cut at `separator`; empty when there are fewer.
inline std::string_view field(std::string_view line, std::size_t index, char separator = '\t') {
  std::size_t begin = 0;
  for (; index != 0; --index) {
    const std::size_t at = line.find(separator, begin);
    if (at == line.npos) return {};
    begin = at + 1;
  }
  const std::size_t end = line.find(separator, begin);
  return line.substr(begin, end == line.npos ? line.npos : end - begin);
}

}  // namespace millrace
