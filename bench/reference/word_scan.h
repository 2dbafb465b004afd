#pragma once

#include <array>
#include <immintrin.h>

#include "words.h"

// Word edges come from 64-byte bit masks; the words of a window are hashed first, then visited with the lines of those
// ahead prefetched.
namespace reference {

inline constexpr std::uint64_t kWindow = 8192;
inline constexpr std::size_t kAhead = 48;

inline bool is_white(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

inline __mmask64 white_space(__m512i bytes) {
  const __m512i control = _mm512_sub_epi8(bytes, _mm512_set1_epi8('\t'));
  return _mm512_cmple_epu8_mask(control, _mm512_set1_epi8(4)) | _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(' '));
}

// Appends base + i for every set bit i, at most 32 of them; writes up to 15 entries beyond the new end.
inline std::size_t append_bits(std::uint64_t bits, std::uint32_t base, std::uint32_t* list, std::size_t size) {
  alignas(64) static constexpr std::array<std::uint8_t, 64> kIndex = [] {
    std::array<std::uint8_t, 64> index{};
    for (std::size_t i = 0; i < 64; ++i) index[i] = static_cast<std::uint8_t>(i);
    return index;
  }();
  const auto count = static_cast<std::size_t>(__builtin_popcountll(bits));
  const __m512i packed = _mm512_maskz_compress_epi8(bits, _mm512_load_si512(kIndex.data()));
  const __m512i first = _mm512_set1_epi32(static_cast<int>(base));
  // The zero-masking forms: in GCC 12 the plain ones read an uninitialised vector, and warn about it.
  const __m512i low = _mm512_maskz_cvtepu8_epi32(0xffff, _mm512_maskz_extracti32x4_epi32(0xf, packed, 0));
  _mm512_storeu_si512(list + size, _mm512_add_epi32(first, low));
  if (count > 16) {
    const __m512i high = _mm512_maskz_cvtepu8_epi32(0xffff, _mm512_maskz_extracti32x4_epi32(0xf, packed, 1));
    _mm512_storeu_si512(list + size + 16, _mm512_add_epi32(first, high));
  }
  return size + count;
}

// Where words of one class start in the window, and how long they are.
struct Places {
  static constexpr std::size_t kRoom = kWindow / 2 + 64;

  std::uint32_t starts[kRoom];
  std::uint32_t lengths[kRoom];
  std::uint32_t indexes[kRoom];
  std::size_t size = 0;

  void append(__mmask16 chosen, __m512i start, __m512i length, __m512i index) {
    _mm512_storeu_si512(indexes + size, _mm512_maskz_compress_epi32(chosen, index));
    _mm512_storeu_si512(starts + size, _mm512_maskz_compress_epi32(chosen, start));
    _mm512_storeu_si512(lengths + size, _mm512_maskz_compress_epi32(chosen, length));
    size += static_cast<std::size_t>(__builtin_popcount(chosen));
  }
};

// Finds the words of a text, a window after the other, and their values in the tables of one thread. With kLines, also
// tells which words are the first of their lines.
template <bool kLines = false>
class WordScan {
 public:
  // Every table starts at 2^bits lines and grows as words come.
  explicit WordScan(unsigned bits) : shorts_(bits), middles_(bits), longs_(bits) {}

  Table<ShortWords>& shorts() { return shorts_; }
  Table<MiddleWords>& middles() { return middles_; }
  Table<LongWords>& longs() { return longs_; }
  std::size_t used() const { return shorts_.used() + middles_.used() + longs_.used(); }

  // Calls on_word(value, index, entry) for the words that start in [begin, end), in no particular order inside a
  // window: index is the word's place among those of the window, and entry() makes its Entry. After each window, calls
  // on_window(words). The text must be readable 64 bytes beyond its end.
  template <typename OnWord, typename OnWindow>
  void scan(std::string_view text, std::uint64_t begin, std::uint64_t end, OnWord on_word, OnWindow on_window) {
    text_ = text;
    bool inside = begin > 0 && !is_white(text_[begin - 1]);
    for (; begin < end; begin += kWindow) {
      const std::uint64_t stop = std::min(end, begin + kWindow);
      const std::size_t words = find_words(begin, stop, inside);
      inside = !is_white(text_[stop - 1]);
      classify(words);
      shorts_.reserve(words);
      middles_.reserve(words);
      longs_.reserve(words);
      visit_shorts(text_.data() + begin, on_word);
      visit_middles(text_.data() + begin, on_word);
      visit_longs(text_.data() + begin, on_word);
      on_window(words);
    }
  }

  // For on_window: whether a newline stands between the word and the one before it, which may be in an earlier window.
  bool begins_line(std::size_t index) const { return (line_bits_[index / 64] >> index % 64 & 1) != 0; }

  // Before a text that does not follow the last one: its first word begins a line.
  void begin_text() { pending_line_ = 1; }

 private:
  // Fills starts_ and ends_ with the words that start in [begin, end), relative to begin, and returns how many they
  // are. `inside`: the byte before `begin` belongs to a word, which is not ours.
  std::size_t find_words(std::uint64_t begin, std::uint64_t end, bool inside) {
    const char* base = text_.data() + begin;
    const auto size = static_cast<std::uint32_t>(end - begin);
    std::size_t words = 0;
    // A first end that is not ours lands just before the list.
    std::size_t ends = inside ? kBefore - 1 : kBefore;
    std::uint64_t carry = inside ? 1 : 0;
    std::uint64_t nul = 0;
    std::uint32_t i = 0;
    for (; i + 64 <= size; i += 64) {
      const __m512i bytes = _mm512_loadu_si512(base + i);
      const std::uint64_t white = white_space(bytes);
      nul |= _mm512_testn_epi8_mask(bytes, bytes);
      const std::uint64_t before = (~white << 1) | carry;
      const std::uint64_t starts = ~white & ~before;
      if constexpr (kLines) note_lines(starts, _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\n')), words);
      words = append_bits(starts, i, starts_, words);
      ends = append_bits(white & before, i, ends_, ends);
      carry = ~white >> 63;
    }
    if (i < size) {
      const __mmask64 valid = (1ULL << (size - i)) - 1;
      const __m512i bytes = _mm512_mask_loadu_epi8(_mm512_set1_epi8(' '), valid, base + i);
      const std::uint64_t white = white_space(bytes);
      nul |= _mm512_testn_epi8_mask(bytes, bytes);
      const std::uint64_t before = (~white << 1) | carry;
      const std::uint64_t starts = ~white & ~before & valid;
      if constexpr (kLines) note_lines(starts, _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\n')), words);
      words = append_bits(starts, i, starts_, words);
      ends = append_bits(white & before & valid, i, ends_, ends);
    }
    if (words > 0 && ends < kBefore + words) {
      std::uint64_t stop = end;
      while (stop < text_.size() && !is_white(text_[stop])) ++stop;
      if (stop - begin > UINT32_MAX) {
        std::fprintf(stderr, "a word of more than 4 GiB\n");
        std::exit(1);
      }
      ends_[ends] = static_cast<std::uint32_t>(stop - begin);
    }
    has_nul_ = nul != 0;
    return words;
  }

  // Added to the ones between word starts, a newline's bit carries on to the next start, or into the next 64 bytes.
  void note_lines(std::uint64_t starts, std::uint64_t newlines, std::size_t words) {
    unsigned long long sum = 0;
    const bool over = __builtin_uaddll_overflow(~starts, newlines, &sum);
    const bool over_again = __builtin_uaddll_overflow(sum, pending_line_, &sum);
    const std::uint64_t firsts = _pext_u64(sum, starts);
    pending_line_ = over || over_again ? 1 : 0;
    const std::size_t shift = words % 64;
    std::uint64_t* to = line_bits_ + words / 64;
    // What lies beyond the words so far is not yet defined.
    *to = (*to & ((1ULL << shift) - 1)) | firsts << shift;
    if (shift != 0) to[1] = firsts >> (64 - shift);
  }

  void classify(std::size_t words) {
    const __m512i ramp = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    short_places_.size = middle_places_.size = long_places_.size = 0;
    for (std::size_t i = 0; i < words; i += 16) {
      const auto valid = static_cast<__mmask16>(words - i >= 16 ? 0xffff : (1U << (words - i)) - 1);
      const __m512i start = _mm512_loadu_si512(starts_ + i);
      const __m512i length = _mm512_sub_epi32(_mm512_loadu_si512(ends_ + kBefore + i), start);
      const __m512i index = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(i)), ramp);
      const __mmask16 over8 = _mm512_cmpgt_epu32_mask(length, _mm512_set1_epi32(8));
      const __mmask16 over16 = _mm512_cmpgt_epu32_mask(length, _mm512_set1_epi32(16));
      if (has_nul_) {
        long_places_.append(valid, start, length, index);
        continue;
      }
      short_places_.append(static_cast<__mmask16>(valid & ~over8), start, length, index);
      middle_places_.append(static_cast<__mmask16>(valid & over8 & ~over16), start, length, index);
      if ((valid & over16) != 0) long_places_.append(static_cast<__mmask16>(valid & over16), start, length, index);
    }
  }

  template <typename OnWord>
  void visit_shorts(const char* base, OnWord& on_word) {
    ShortWords::Key keys[Places::kRoom];
    const std::size_t size = short_places_.size;
    for (std::size_t i = 0; i < size; ++i) {
      keys[i] = {_bzhi_u64(load8(base + short_places_.starts[i]), short_places_.lengths[i] * 8)};
      hashes_[i] = ShortWords::hash(keys[i]);
    }
    visit_all(shorts_, keys, short_places_, on_word);
  }

  template <typename OnWord>
  void visit_middles(const char* base, OnWord& on_word) {
    MiddleWords::Key keys[Places::kRoom];
    const std::size_t size = middle_places_.size;
    for (std::size_t i = 0; i < size; ++i) {
      const char* word = base + middle_places_.starts[i];
      keys[i] = {load8(word), _bzhi_u64(load8(word + 8), (middle_places_.lengths[i] - 8) * 8)};
      hashes_[i] = MiddleWords::hash(keys[i]);
    }
    visit_all(middles_, keys, middle_places_, on_word);
  }

  template <typename Words, typename OnWord>
  void visit_all(Table<Words>& table, const typename Words::Key* keys, const Places& places, OnWord& on_word) {
    const std::size_t size = places.size;
    const auto visit = [&](std::size_t i) {
      table.visit(keys[i], hashes_[i], [&](std::uint64_t& value) {
        on_word(value, places.indexes[i], [&] { return Words::entry(keys[i], 0); });
      });
    };
    for (std::size_t i = 0; i < std::min(size, kAhead); ++i) table.prefetch(hashes_[i]);
    std::size_t i = 0;
    for (; i + kAhead < size; ++i) {
      table.prefetch(hashes_[i + kAhead]);
      visit(i);
    }
    for (; i < size; ++i) visit(i);
  }

  template <typename OnWord>
  void visit_longs(const char* base, OnWord& on_word) {
    const std::size_t size = long_places_.size;
    for (std::size_t i = 0; i < size; ++i) {
      const std::string_view word(base + long_places_.starts[i], long_places_.lengths[i]);
      hashes_[i] = LongWords::tag(word.data(), word.size());
      longs_.prefetch(hashes_[i]);
    }
    for (std::size_t i = 0; i < size; ++i) {
      const std::string_view word(base + long_places_.starts[i], long_places_.lengths[i]);
      char* record = record_of(word);
      const LongWords::Key key{hashes_[i], record};
      const bool added = longs_.visit(key, hashes_[i], [&](std::uint64_t& value) {
        on_word(value, long_places_.indexes[i], [&] { return LongWords::entry(key, 0); });
      });
      if (added) arena_ = record + sizeof(std::uint32_t) + word.size();
    }
  }

  // A record at the arena's end, which the next one overwrites unless it is kept.
  char* record_of(std::string_view word) {
    const std::size_t size = sizeof(std::uint32_t) + word.size();
    if (size > static_cast<std::size_t>(arena_end_ - arena_)) {
      const std::size_t room = std::max<std::size_t>(size, 8 << 20);
      arena_ = allocate<char>(room);
      arena_end_ = arena_ + room;
    }
    const auto length = static_cast<std::uint32_t>(word.size());
    std::memcpy(arena_, &length, sizeof length);
    std::memcpy(arena_ + sizeof length, word.data(), word.size());
    return arena_;
  }

  static constexpr std::size_t kBefore = 1;

  std::string_view text_;
  Table<ShortWords> shorts_;
  Table<MiddleWords> middles_;
  Table<LongWords> longs_;
  char* arena_ = nullptr;
  char* arena_end_ = nullptr;
  bool has_nul_ = false;
  std::uint64_t pending_line_ = 1;
  std::uint64_t line_bits_[Places::kRoom / 64 + 2];
  std::uint32_t starts_[Places::kRoom];
  std::uint32_t ends_[kBefore + Places::kRoom];
  Places short_places_;
  Places middle_places_;
  Places long_places_;
  std::uint64_t hashes_[Places::kRoom];
};

// Room for the words of a text, by its size, as a table's bits.
inline unsigned table_bits(std::uint64_t size) {
  unsigned bits = 10;
  while ((std::uint64_t{4096} << bits) < size && bits < 18) ++bits;
  return bits;
}

}  // namespace reference
