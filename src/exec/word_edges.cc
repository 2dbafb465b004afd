#include "exec/word_edges.h"

#include <bit>

#include <millrace/text.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// A mask of 64 bytes at a time, and the list of its changes without a branch on how many there are: in text that cannot
// be foretold, and a wrong guess costs more than the whole mask.

namespace millrace::exec {
namespace {

/// `space_mask(at)` has a bit for each of 64 bytes; `list(mask, base, to)` writes the places of the bits, from `base`
/// on.
template <class SpaceMask, class List>
[[gnu::always_inline]] inline std::size_t edges_by(SpaceMask space_mask, List list, const char* text,
                                                   std::size_t length, bool in_word, std::uint16_t* edges) {
  std::uint64_t before = in_word ? 0 : 1;  // 1: the byte before is white space
  std::size_t count = 0;
  const auto take = [&](const char* bytes, std::size_t at, std::uint64_t valid) __attribute__((always_inline)) {
    const std::uint64_t space = space_mask(bytes);
    const std::uint64_t changes = (space ^ (space << 1 | before)) & valid;
    before = space >> 63;
    list(changes, static_cast<std::uint16_t>(at), edges + count);
    count += static_cast<std::size_t>(std::popcount(changes));
  };
  const std::size_t whole = length / 64 * 64;
  for (std::size_t at = 0; at != whole; at += 64) take(text + at, at, ~std::uint64_t{0});
  if (whole == length) return count;
  char rest[64] = {};
  __builtin_memcpy(rest, text + whole, length - whole);
  take(rest, whole, (std::uint64_t{1} << (length - whole)) - 1);
  return count;
}

/// As many as a mask of text rarely has more than, whether they are there or not.
[[gnu::always_inline]] inline void list_usual(std::uint64_t mask, std::uint16_t base, std::uint16_t* to) {
  constexpr unsigned usual = 24;
  for (unsigned i = 0; i < usual; ++i) {
    to[i] = static_cast<std::uint16_t>(base + std::countr_zero(mask));
    mask &= mask - 1;
  }
  for (to += usual; mask != 0; mask &= mask - 1) *to++ = static_cast<std::uint16_t>(base + std::countr_zero(mask));
}

#if defined(__x86_64__)

/// The mask of 64 bytes from those of its parts.
template <std::size_t bytes, class PartMask>
[[gnu::always_inline]] inline std::uint64_t mask_by_parts(PartMask part_mask, const char* text) {
  std::uint64_t mask = 0;
  for (std::size_t at = 0; at != 64; at += bytes) mask |= std::uint64_t{part_mask(text + at)} << at;
  return mask;
}

inline std::uint32_t part_sse2(const char* text) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  const __m128i controls =
      _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('\t' - 1)), _mm_cmplt_epi8(bytes, _mm_set1_epi8('\r' + 1)));
  return static_cast<std::uint32_t>(
      _mm_movemask_epi8(_mm_or_si128(controls, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(' ')))));
}

std::uint64_t mask_sse2(const char* text) { return mask_by_parts<16>(part_sse2, text); }

std::size_t edges_sse2(const char* text, std::size_t length, bool in_word, std::uint16_t* edges) {
  return edges_by(mask_sse2, list_usual, text, length, in_word, edges);
}

#define MILLRACE_AVX2 __attribute__((target("avx2,bmi,popcnt")))

MILLRACE_AVX2 inline std::uint32_t part_avx2(const char* text) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
  const __m256i controls = _mm256_and_si256(_mm256_cmpgt_epi8(bytes, _mm256_set1_epi8('\t' - 1)),
                                            _mm256_cmpgt_epi8(_mm256_set1_epi8('\r' + 1), bytes));
  return static_cast<std::uint32_t>(
      _mm256_movemask_epi8(_mm256_or_si256(controls, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(' ')))));
}

MILLRACE_AVX2 inline std::uint64_t mask_avx2(const char* text) { return mask_by_parts<32>(part_avx2, text); }

MILLRACE_AVX2 std::size_t edges_avx2(const char* text, std::size_t length, bool in_word, std::uint16_t* edges) {
  return edges_by(mask_avx2, list_usual, text, length, in_word, edges);
}

#define MILLRACE_AVX512 __attribute__((target("avx512bw,avx512vbmi2,bmi,popcnt")))

MILLRACE_AVX512 inline std::uint64_t mask_avx512(const char* text) {
  const __m512i bytes = _mm512_loadu_si512(text);
  return _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(' ')) |
         _mm512_cmple_epu8_mask(_mm512_sub_epi8(bytes, _mm512_set1_epi8('\t')), _mm512_set1_epi8('\r' - '\t'));
}

MILLRACE_AVX512 inline void list_avx512(std::uint64_t mask, std::uint16_t base, std::uint16_t* to) {
  alignas(64) static constexpr unsigned char numbers[64] = {
      0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
      22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
      44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
  const __m512i places = _mm512_maskz_compress_epi8(mask, _mm512_load_si512(numbers));
  const __m512i from = _mm512_set1_epi16(static_cast<short>(base));
  // The forms with a mask: in GCC 12 the plain ones read a vector that was never set, and warn about it.
  const __m256i low = _mm512_maskz_extracti64x4_epi64(0xff, places, 0);
  _mm512_storeu_si512(to, _mm512_add_epi16(from, _mm512_maskz_cvtepu8_epi16(~0u, low)));
  if (_mm_popcnt_u64(mask) <= 32) return;
  const __m256i high = _mm512_maskz_extracti64x4_epi64(0xff, places, 1);
  _mm512_storeu_si512(to + 32, _mm512_add_epi16(from, _mm512_maskz_cvtepu8_epi16(~0u, high)));
}

MILLRACE_AVX512 std::size_t edges_avx512(const char* text, std::size_t length, bool in_word, std::uint16_t* edges) {
  return edges_by(mask_avx512, list_avx512, text, length, in_word, edges);
}

}  // namespace

std::vector<WordEdges> ways_to_word_edges() {
  std::vector<WordEdges> all;
  __builtin_cpu_init();
  const bool has_counts = __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("popcnt") != 0;
  if (has_counts && __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vbmi2") != 0) {
    all.push_back(edges_avx512);
  }
  if (has_counts && __builtin_cpu_supports("avx2") != 0) all.push_back(edges_avx2);
  all.push_back(edges_sse2);
  return all;
}

#else

std::uint64_t mask_portable(const char* text) {
  std::uint64_t mask = 0;
  for (unsigned i = 0; i < 64; ++i) mask |= static_cast<std::uint64_t>(internal::is_space(text[i])) << i;
  return mask;
}

std::size_t edges_portable(const char* text, std::size_t length, bool in_word, std::uint16_t* edges) {
  return edges_by(mask_portable, list_usual, text, length, in_word, edges);
}

}  // namespace

std::vector<WordEdges> ways_to_word_edges() { return {edges_portable}; }

#endif

}  // namespace millrace::exec

namespace millrace::internal {

std::size_t word_edges(const char* text, std::size_t length, bool in_word, std::uint16_t* edges) {
  static const exec::WordEdges best = exec::ways_to_word_edges().front();
  return best(text, length, in_word, edges);
}

}  // namespace millrace::internal
