#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace millrace::storage {

/// Bit i tells whether from[i] is `byte`, for the 64 bytes at `from`.
inline std::uint64_t equal_mask(const char* from, char byte) {
#if defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi8(byte);
  const auto part = [from, wanted](int i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 16 * i));
    return static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted))));
  };
  return part(0) | part(1) << 16 | part(2) << 32 | part(3) << 48;
#else
  std::uint64_t mask = 0;
  for (int i = 0; i < 64; ++i) mask |= std::uint64_t{from[i] == byte} << i;
  return mask;
#endif
}

/// Whether a byte occurs an odd number of times in what is added.
class OccurrenceParity {
 public:
  explicit OccurrenceParity(char byte) : byte_(byte) {}
  void add(const char* from, std::size_t count) {
    std::size_t i = 0;
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi8(byte_);
    __m128i sum = _mm_setzero_si128();
    for (; i + 16 <= count; i += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
      sum = _mm_xor_si128(sum, _mm_cmpeq_epi8(bytes, wanted));
    }
    odd_ ^= __builtin_parity(static_cast<unsigned>(_mm_movemask_epi8(sum))) != 0;
#endif
    for (; i < count; ++i) odd_ ^= from[i] == byte_;
  }
  bool odd() const { return odd_; }

 private:
  char byte_;
  bool odd_ = false;
};

/// Bit i of the result is the exclusive or of the bits 0 to i: between two quotes the bits are set.
inline std::uint64_t prefix_xor(std::uint64_t bits) {
  for (const int shift : {1, 2, 4, 8, 16, 32}) bits ^= bits << shift;
  return bits;
}

}  // namespace millrace::storage
