#include <cstring>

#include <millrace/text.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace millrace::internal {
namespace {

using SpaceWords = void (*)(const char* text, std::size_t words, std::uint64_t* bits);

#if defined(__x86_64__)

void space_words_sse2(const char* text, std::size_t words, std::uint64_t* bits) {
  const __m128i space = _mm_set1_epi8(' ');
  const __m128i before_tab = _mm_set1_epi8('\t' - 1);
  const __m128i after_return = _mm_set1_epi8('\r' + 1);
  for (std::size_t w = 0; w < words; ++w) {
    std::uint64_t word = 0;
    for (unsigned part = 0; part < 4; ++part) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + w * 64 + part * 16));
      const __m128i controls = _mm_and_si128(_mm_cmpgt_epi8(bytes, before_tab), _mm_cmplt_epi8(bytes, after_return));
      const auto mask =
          static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(controls, _mm_cmpeq_epi8(bytes, space))));
      word |= static_cast<std::uint64_t>(mask) << (part * 16);
    }
    bits[w] = word;
  }
}

__attribute__((target("avx2"))) void space_words_avx2(const char* text, std::size_t words, std::uint64_t* bits) {
  const __m256i space = _mm256_set1_epi8(' ');
  const __m256i before_tab = _mm256_set1_epi8('\t' - 1);
  const __m256i after_return = _mm256_set1_epi8('\r' + 1);
  for (std::size_t w = 0; w < words; ++w) {
    std::uint64_t word = 0;
    for (unsigned part = 0; part < 2; ++part) {
      const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + w * 64 + part * 32));
      const __m256i controls =
          _mm256_and_si256(_mm256_cmpgt_epi8(bytes, before_tab), _mm256_cmpgt_epi8(after_return, bytes));
      const auto mask =
          static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(controls, _mm256_cmpeq_epi8(bytes, space))));
      word |= static_cast<std::uint64_t>(mask) << (part * 32);
    }
    bits[w] = word;
  }
}

__attribute__((target("avx512bw"))) void space_words_avx512(const char* text, std::size_t words, std::uint64_t* bits) {
  const __m512i space = _mm512_set1_epi8(' ');
  const __m512i tab = _mm512_set1_epi8('\t');
  const __m512i controls = _mm512_set1_epi8('\r' - '\t');
  for (std::size_t w = 0; w < words; ++w) {
    const __m512i bytes = _mm512_loadu_si512(text + w * 64);
    bits[w] = _mm512_cmpeq_epi8_mask(bytes, space) | _mm512_cmple_epu8_mask(_mm512_sub_epi8(bytes, tab), controls);
  }
}

SpaceWords choose() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512bw")) return space_words_avx512;
  if (__builtin_cpu_supports("avx2")) return space_words_avx2;
  return space_words_sse2;
}

#else

void space_words_portable(const char* text, std::size_t words, std::uint64_t* bits) {
  for (std::size_t w = 0; w < words; ++w) {
    bits[w] = 0;
    for (unsigned i = 0; i < 64; ++i) bits[w] |= static_cast<std::uint64_t>(is_space(text[w * 64 + i])) << i;
  }
}

SpaceWords choose() { return space_words_portable; }

#endif

}  // namespace

void space_bits(const char* text, std::size_t length, std::uint64_t* bits) {
  static const SpaceWords space_words = choose();
  const std::size_t whole = length / 64;
  space_words(text, whole, bits);
  if (length % 64 == 0) return;
  char rest[64];
  std::memset(rest, ' ', sizeof rest);
  std::memcpy(rest, text + whole * 64, length % 64);
  space_words(rest, 1, bits + whole);
}

}  // namespace millrace::internal
