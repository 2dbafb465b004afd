#pragma once

#include <cstdint>
#include <string_view>

namespace millrace {

namespace internal {
/// For each of `length` bytes a bit that is set where the byte is ASCII white space: space, \t, \n, \v, \f, \r; the
/// bits that fill up the last word of 64 are set. Chooses the widest instructions of the processor when first called.
void space_bits(const char* text, std::size_t length, std::uint64_t* bits);

constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
}  // namespace internal

/// flat_map(words): the words of a text, split on ASCII white space. The words are views into the text.
struct Words {
  using element = std::string_view;
  static constexpr bool whole_buffers = true;

  template <class Emit>
  void operator()(std::string_view text, Emit&& emit) const {
    constexpr std::size_t stride = 4096;
    std::uint64_t bits[stride / 64];
    const char* open = nullptr;  // where the current word began
    for (std::size_t base = 0; base < text.size(); base += stride) {
      const std::size_t length = text.size() - base < stride ? text.size() - base : stride;
      internal::space_bits(text.data() + base, length, bits);
      const std::size_t words = (length + 63) / 64;
      std::uint64_t carry = open != nullptr ? 0 : 1;  // 1: the byte before is white space
      for (std::size_t w = 0; w < words; ++w) {
        const std::uint64_t space = bits[w];
        const char* const at = text.data() + base + w * 64;
        const std::uint64_t after_space = (space << 1) | carry;
        carry = space >> 63;
        std::uint64_t begins = ~space & after_space;
        std::uint64_t ends = space & ~after_space;
        if (open != nullptr && ends != 0) {
          emit(std::string_view(open, static_cast<std::size_t>(at + __builtin_ctzll(ends) - open)));
          ends &= ends - 1;
          open = nullptr;
        }
        for (; ends != 0; ends &= ends - 1, begins &= begins - 1) {
          const int begin = __builtin_ctzll(begins);
          emit(std::string_view(at + begin, static_cast<std::size_t>(__builtin_ctzll(ends) - begin)));
        }
        if (begins != 0) open = at + __builtin_ctzll(begins);
      }
    }
    if (open != nullptr) emit(std::string_view(open, static_cast<std::size_t>(text.data() + text.size() - open)));
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
