#pragma once

#include <immintrin.h>

#include "program.h"

// Finding bytes, lines and fields in text that is readable 64 bytes beyond its end, as InputFile::map() gives it.
namespace reference {

inline std::uint64_t positions(const char* at, char c) {
  return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(at), _mm512_set1_epi8(c));
}

// The first `c` in [at, end), or end.
inline const char* find(const char* at, const char* end, char c) {
  for (; at < end; at += 64) {
    if (const std::uint64_t found = positions(at, c); found != 0) return std::min(end, at + __builtin_ctzll(found));
  }
  return end;
}

// Where the first line starts at or after `at`; the end of the text when there is none.
inline const char* line_start(std::string_view text, std::uint64_t at) {
  const char* end = text.data() + text.size();
  if (at == 0 || at >= text.size()) return text.data() + std::min<std::uint64_t>(at, text.size());
  return std::min(end, find(text.data() + at - 1, end, '\n') + 1);
}

// Calls function(begin, end) with blocks of whole lines until the threads that share `next` have taken them all.
template <typename Function>
void for_each_block(std::string_view text, std::atomic<std::uint64_t>& next, Function function) {
  constexpr std::uint64_t kBlock = 1 << 20;
  for (std::uint64_t at; (at = next.fetch_add(kBlock)) < text.size();) {
    function(line_start(text, at), line_start(text, at + kBlock));
  }
}

// Reads blocks of whole lines into memory of its own: cheaper than a map for text that is looked at once.
class BlockReader {
 public:
  static constexpr std::uint64_t kBlock = 512 << 10;

  explicit BlockReader(const InputFile& file) : file_(file) {}

  // The lines that start in the kBlock bytes at `at`, readable 64 bytes beyond their end until the next call.
  std::string_view read(std::uint64_t at) {
    // Whole pages: the kernel copies to and from odd addresses at half the speed.
    const std::uint64_t before = at > 0 ? kMore : 0;
    const std::uint64_t first = at - before;
    std::uint64_t size = file_.read(buffer_, before + kBlock, first);
    const char* begin = at == 0 ? buffer_ : find(buffer_ + before - 1, buffer_ + size, '\n') + 1;
    if (begin >= buffer_ + size) return {};
    while (buffer_[size - 1] != '\n') {
      make_room(size + kMore);
      const std::uint64_t offset = static_cast<std::uint64_t>(begin - buffer_);
      const std::uint64_t more = file_.read(buffer_ + size, kMore, first + size);
      const char* stop = find(buffer_ + size, buffer_ + size + more, '\n');
      size = static_cast<std::uint64_t>(stop - buffer_) + (stop < buffer_ + size + more ? 1 : 0);
      begin = buffer_ + offset;
      if (more < kMore) break;
    }
    return {begin, static_cast<std::uint64_t>(buffer_ + size - begin)};
  }

 private:
  static constexpr std::uint64_t kMore = 4096;

  void make_room(std::uint64_t size) {
    if (size <= room_) return;
    char* larger = allocate<char>(size * 2 + 64);
    std::memcpy(larger, buffer_, room_);
    buffer_ = larger;
    room_ = size * 2;
  }

  const InputFile& file_;
  std::uint64_t room_ = kBlock + 2 * kMore;
  char* buffer_ = allocate<char>(kBlock + 2 * kMore + 64);
};

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ typedef unsigned __int128 Wide;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t load8(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, 8);
  return word;
}

// Never 0. Reads up to 15 bytes behind the text.
inline std::uint64_t hash_of(std::string_view text) {
  std::uint64_t state = text.size() * 0x9e3779b97f4a7c15ULL;
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left > 16; left -= 16, at += 16) {
    state = mix(load8(at) ^ state ^ 0x9e3779b97f4a7c15ULL, load8(at + 8) ^ 0xd1b54a32d192ed03ULL);
  }
  const std::uint64_t first = _bzhi_u64(load8(at), static_cast<unsigned>(std::min<std::size_t>(left, 8) * 8));
  const std::uint64_t second = left > 8 ? _bzhi_u64(load8(at + 8), static_cast<unsigned>((left - 8) * 8)) : 0;
  return mix(first ^ state ^ 0x9e3779b97f4a7c15ULL, second ^ 0xd1b54a32d192ed03ULL) | 1;
}

// Whether two texts of one size are equal; either is readable 32 bytes from its start.
inline bool equal(const char* a, const char* b, std::size_t size) {
  if (size > 32) return std::memcmp(a, b, size) == 0;
  const auto mask = static_cast<__mmask32>(_bzhi_u32(~0U, static_cast<unsigned>(size)));
  const __m256i left = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a));
  const __m256i right = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
  return _mm256_mask_cmpneq_epi8_mask(mask, left, right) == 0;
}

}  // namespace reference
