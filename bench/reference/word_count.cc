// Word count: INPUT -> one file of `word<TAB>count` lines sorted by word (bytes), words split on ASCII white space.
//
// Each thread counts the words of the blocks it claims in a table of its own. Words of up to 16 bytes (nine in ten)
// live inside their 32-byte slot; longer ones are a pointer into the mapped input. Word edges come from 64-byte bit
// masks; a batch of words is hashed and its slots prefetched before the first is counted. Both threads' tables have one
// size and are ordered by hash, so merging them is a walk through both, split by hash range. The sort is a radix step
// over two bytes, then std::sort on 16-byte big-endian prefixes.
#include <array>
#include <charconv>
#include <immintrin.h>

#include "program.h"

namespace {

using namespace reference;

constexpr std::uint64_t kBlock = 1 << 20;
constexpr std::uint64_t kWindow = 4096;
constexpr std::size_t kBatch = 64;

// A word's identity: for a short one its bytes, zero-padded; for a long one the address and the length. The tag holds
// the hash above and the length, at most 17 for "long", below: never 0 for a word, so a 0 tag is an empty slot.
struct alignas(32) Slot {
  std::uint64_t key[2];
  std::uint64_t tag;
  std::uint64_t count;
};

constexpr std::uint64_t kLongLength = 17;
constexpr std::uint64_t kLengthBits = 5;

bool is_long(const Slot& slot) { return (slot.tag & ((1 << kLengthBits) - 1)) == kLongLength; }

const char* bytes_of(const Slot& slot) {
  return is_long(slot) ? reinterpret_cast<const char*>(slot.key[0]) : reinterpret_cast<const char*>(slot.key);
}

std::size_t length_of(const Slot& slot) { return is_long(slot) ? slot.key[1] : slot.tag & ((1 << kLengthBits) - 1); }

__m128i round_key() { return _mm_set_epi64x(0x243f6a8885a308d3, 0x13198a2e03707344); }

std::uint64_t finish_hash(__m128i state) {
  state = _mm_aesenc_si128(state, round_key());
  state = _mm_aesenc_si128(state, round_key());
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(state));
}

std::uint64_t tag_of_short(__m128i key, std::uint64_t length) {
  const std::uint64_t hash = finish_hash(_mm_xor_si128(key, _mm_set1_epi64x(static_cast<long long>(length))));
  return (hash & ~((1ULL << kLengthBits) - 1)) | length;
}

std::uint64_t tag_of_long(const char* word, std::uint64_t length) {
  __m128i state = _mm_set1_epi64x(static_cast<long long>(length));
  for (std::uint64_t i = 0; i + 16 < length; i += 16) {
    const __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(word + i));
    state = _mm_aesenc_si128(_mm_xor_si128(state, part), round_key());
  }
  const __m128i last = _mm_loadu_si128(reinterpret_cast<const __m128i*>(word + length - 16));
  const std::uint64_t hash = finish_hash(_mm_xor_si128(state, last));
  return (hash & ~((1ULL << kLengthBits) - 1)) | kLongLength;
}

// Open addressing with linear probing; a slot's home is the top bits of its tag, so slots are nearly in order of their
// tags.
class Table {
 public:
  explicit Table(unsigned bits) { reset(bits); }

  std::size_t capacity() const { return std::size_t{1} << bits_; }
  // Probing runs on past the end instead of wrapping around: what is displaced stays after its home.
  std::size_t end() const { return capacity() + kOverflow; }
  std::size_t home(std::uint64_t tag) const { return tag >> (64 - bits_); }
  Slot& operator[](std::size_t i) { return slots_[i]; }
  void prefetch(std::uint64_t tag) const { __builtin_prefetch(&slots_[home(tag)], 1); }
  unsigned bits() const { return bits_; }

  void count_short(__m256i probe, std::uint64_t tag) {
    Slot* slot = &slots_[home(tag)];
    for (;; ++slot) {
      const __m256i found = _mm256_load_si256(reinterpret_cast<const __m256i*>(slot));
      if ((_mm256_cmpeq_epi64_mask(found, probe) & 7) == 7) {
        ++slot->count;
        return;
      }
      if (slot->tag == 0) break;
    }
    _mm256_store_si256(reinterpret_cast<__m256i*>(slot), probe);
    slot->count = 1;
    ++used_;
  }

  void count_long(const char* word, std::uint64_t length, std::uint64_t tag, std::uint64_t count) {
    Slot* slot = &slots_[home(tag)];
    for (; slot->tag != 0; ++slot) {
      if (slot->tag == tag && slot->key[1] == length &&
          std::memcmp(reinterpret_cast<const char*>(slot->key[0]), word, length) == 0) {
        slot->count += count;
        return;
      }
    }
    *slot = {{reinterpret_cast<std::uint64_t>(word), length}, tag, count};
    ++used_;
  }

  const char* candidate(std::uint64_t tag) const {
    const Slot& slot = slots_[home(tag)];
    return slot.tag == tag ? reinterpret_cast<const char*>(slot.key[0]) : nullptr;
  }

  // The slot of an equal word, or null.
  Slot* find(const Slot& word) {
    for (Slot* slot = &slots_[home(word.tag)]; slot->tag != 0; ++slot) {
      if (slot->tag != word.tag) continue;
      if (is_long(word) ? slot->key[1] == word.key[1] && std::memcmp(bytes_of(*slot), bytes_of(word), word.key[1]) == 0
                        : slot->key[0] == word.key[0] && slot->key[1] == word.key[1]) {
        return slot;
      }
    }
    return nullptr;
  }

  void reserve_room_for(std::size_t more) {
    while ((used_ + more) * 5 > capacity() * 3) grow(bits_ + 1);
  }

  void grow(unsigned bits) {
    Slot* old = slots_;
    const std::size_t old_end = end();
    reset(bits);
    for (std::size_t i = 0; i < old_end; ++i) {
      if (old[i].tag == 0) continue;
      Slot* slot = &slots_[home(old[i].tag)];
      while (slot->tag != 0) ++slot;
      *slot = old[i];
    }
    release(old, old_end * sizeof(Slot));
  }

 private:
  static constexpr std::size_t kOverflow = 1 << 14;

  void reset(unsigned bits) {
    bits_ = bits;
    slots_ = allocate<Slot>(end());
  }

  unsigned bits_ = 0;
  Slot* slots_ = nullptr;
  std::size_t used_ = 0;
};

__mmask64 white_space(__m512i bytes) {
  const __m512i control = _mm512_sub_epi8(bytes, _mm512_set1_epi8('\t'));
  return _mm512_cmple_epu8_mask(control, _mm512_set1_epi8(4)) | _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(' '));
}

// Appends base + i for every set bit i; writes up to 15 entries beyond the new end.
std::size_t append_bits(std::uint64_t bits, std::uint32_t base, std::uint32_t* list, std::size_t size) {
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

class Counter {
 public:
  Counter(std::string_view text, unsigned bits) : text_(text), table_(bits) {}

  Table& table() { return table_; }

  // Counts the words that start in [begin, end).
  void count(std::uint64_t begin, std::uint64_t end) {
    bool inside = begin > 0 && !is_white(text_[begin - 1]);
    while (begin < end) {
      const std::uint64_t stop = std::min(end, begin + kWindow);
      inside = count_window(begin, stop, inside);
      begin = stop;
    }
  }

 private:
  static bool is_white(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

  // `inside`: the byte before `begin` belongs to a word, which is not ours. Returns the same for `end`.
  bool count_window(std::uint64_t begin, std::uint64_t end, bool inside) {
    const char* base = text_.data() + begin;
    const auto size = static_cast<std::uint32_t>(end - begin);
    std::size_t words = 0;
    std::size_t ends = 0;
    const bool skip = inside;
    std::uint64_t carry = inside ? 1 : 0;
    for (std::uint32_t i = 0; i < size; i += 64) {
      const std::uint32_t left = size - i;
      const __mmask64 valid = left >= 64 ? ~0ULL : (1ULL << left) - 1;
      const std::uint64_t white = white_space(_mm512_mask_loadu_epi8(_mm512_set1_epi8(' '), valid, base + i));
      const std::uint64_t before = (~white << 1) | carry;
      words = append_bits(~white & ~before, i, starts_, words);
      ends = append_bits(white & before, i, ends_, ends);
      carry = ~white >> 63;
    }
    inside = size > 0 && !is_white(base[size - 1]);
    const std::uint32_t* word_ends = ends_;
    if (skip && ends > 0) {
      ++word_ends;
      --ends;
    }
    if (ends < words) {
      // The last word crosses the window's end, or touches it: look for where it stops.
      std::uint64_t stop = end;
      while (stop < text_.size() && !is_white(text_[stop])) ++stop;
      const std::uint64_t length = stop - begin - starts_[words - 1];
      if (stop - begin > UINT32_MAX) {
        std::fprintf(stderr, "a word of more than 4 GiB\n");
        std::exit(1);
      }
      const_cast<std::uint32_t*>(word_ends)[words - 1] = static_cast<std::uint32_t>(starts_[words - 1] + length);
    }
    split(base, word_ends, words);
    return inside;
  }

  // Parts short words from long ones, so that the short ones' loop has nothing to mispredict.
  void split(const char* base, const std::uint32_t* word_ends, std::size_t words) {
    std::size_t shorts = 0;
    std::size_t longs = 0;
    for (std::size_t i = 0; i < words; i += 16) {
      const auto valid = static_cast<__mmask16>(words - i >= 16 ? 0xffff : (1U << (words - i)) - 1);
      const __m512i start = _mm512_loadu_si512(starts_ + i);
      const __m512i length = _mm512_sub_epi32(_mm512_loadu_si512(word_ends + i), start);
      const auto big = static_cast<__mmask16>(_mm512_cmpgt_epu32_mask(length, _mm512_set1_epi32(16)) & valid);
      const auto small = static_cast<__mmask16>(valid & ~big);
      _mm512_storeu_si512(short_starts_ + shorts, _mm512_maskz_compress_epi32(small, start));
      _mm512_storeu_si512(short_lengths_ + shorts, _mm512_maskz_compress_epi32(small, length));
      shorts += static_cast<std::size_t>(__builtin_popcount(small));
      if (big != 0) {
        _mm512_storeu_si512(long_starts_ + longs, _mm512_maskz_compress_epi32(big, start));
        _mm512_storeu_si512(long_lengths_ + longs, _mm512_maskz_compress_epi32(big, length));
        longs += static_cast<std::size_t>(__builtin_popcount(big));
      }
    }
    table_.reserve_room_for(words);
    for (std::size_t i = 0; i < shorts; i += kBatch) count_shorts(base, i, std::min(shorts, i + kBatch));
    count_longs(base, longs);
  }

  void count_shorts(const char* base, std::size_t begin, std::size_t end) {
    alignas(32) Slot probes[kBatch];
    for (std::size_t i = begin; i < end; ++i) {
      const std::uint32_t length = short_lengths_[i];
      const auto mask = static_cast<__mmask16>(_bzhi_u32(0xffff, length));
      const __m128i key = _mm_maskz_loadu_epi8(mask, base + short_starts_[i]);
      Slot& probe = probes[i - begin];
      probe.tag = tag_of_short(key, length);
      _mm_store_si128(reinterpret_cast<__m128i*>(probe.key), key);
      table_.prefetch(probe.tag);
    }
    for (std::size_t i = 0; i < end - begin; ++i) {
      const __m256i probe = _mm256_load_si256(reinterpret_cast<const __m256i*>(&probes[i]));
      table_.count_short(probe, probes[i].tag);
    }
  }

  void count_longs(const char* base, std::size_t longs) {
    for (std::size_t i = 0; i < longs; ++i) {
      long_tags_[i] = tag_of_long(base + long_starts_[i], long_lengths_[i]);
      table_.prefetch(long_tags_[i]);
    }
    for (std::size_t i = 0; i < longs; ++i) __builtin_prefetch(table_.candidate(long_tags_[i]));
    for (std::size_t i = 0; i < longs; ++i) {
      table_.count_long(base + long_starts_[i], long_lengths_[i], long_tags_[i], 1);
    }
  }

  static constexpr std::size_t kRoom = kWindow / 2 + 64;

  std::string_view text_;
  Table table_;
  std::uint32_t starts_[kRoom];
  std::uint32_t ends_[kRoom];
  std::uint32_t short_starts_[kRoom];
  std::uint32_t short_lengths_[kRoom];
  std::uint32_t long_starts_[kRoom];
  std::uint32_t long_lengths_[kRoom];
  std::uint64_t long_tags_[kRoom];
};

// One word of the result, with its first 16 bytes as numbers that compare as the bytes do.
struct Entry {
  std::uint64_t prefix[2];
  const Slot* slot;
};

std::uint64_t big_endian(const char* bytes) {
  std::uint64_t number;
  std::memcpy(&number, bytes, 8);
  return __builtin_bswap64(number);
}

Entry entry_of(const Slot& slot) {
  const char* bytes = bytes_of(slot);
  return {{big_endian(bytes), big_endian(bytes + 8)}, &slot};
}

bool operator<(const Entry& a, const Entry& b) {
  if (a.prefix[0] != b.prefix[0]) return a.prefix[0] < b.prefix[0];
  if (a.prefix[1] != b.prefix[1]) return a.prefix[1] < b.prefix[1];
  const std::size_t x = length_of(*a.slot);
  const std::size_t y = length_of(*b.slot);
  const int order = x > 16 && y > 16 ? std::memcmp(bytes_of(*a.slot), bytes_of(*b.slot), std::min(x, y)) : 0;
  return order != 0 ? order < 0 : x < y;
}

// All words whose hash lies in the part'th of `parts` ranges, each once, with the sum of its counts.
void merge(std::vector<Counter*>& counters, std::size_t part, std::size_t parts, std::vector<Entry>& out) {
  const std::size_t capacity = counters[0]->table().capacity();
  const std::size_t begin = capacity * part / parts;
  const std::size_t end = capacity * (part + 1) / parts;
  for (std::size_t t = counters.size(); t-- > 0;) {
    Table& table = counters[t]->table();
    for (std::size_t i = begin; i < table.end() && (i < end || table[i].tag != 0); ++i) {
      Slot& slot = table[i];
      if (slot.tag == 0 || table.home(slot.tag) < begin || table.home(slot.tag) >= end) continue;
      Slot* same = nullptr;
      for (std::size_t other = 0; other < t && same == nullptr; ++other) same = counters[other]->table().find(slot);
      if (same != nullptr) {
        same->count += slot.count;
      } else {
        out.push_back(entry_of(slot));
      }
    }
  }
}

constexpr std::size_t kBuckets = 1 << 16;
std::size_t bucket_of(const Entry& entry) { return entry.prefix[0] >> 48; }

void format(const Entry* begin, const Entry* end, std::string& out) {
  std::size_t room = 0;
  for (const Entry* entry = begin; entry != end; ++entry) room += length_of(*entry->slot) + 22;
  out.resize(room);
  char* to = out.data();
  for (const Entry* entry = begin; entry != end; ++entry) {
    if (end - entry > 16) __builtin_prefetch(entry[16].slot);
    const std::size_t length = length_of(*entry->slot);
    std::memcpy(to, bytes_of(*entry->slot), length);
    to += length;
    *to++ = '\t';
    to = std::to_chars(to, to + 20, entry->slot->count).ptr;
    *to++ = '\n';
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, 1, "INPUT");
  const InputFile input(arguments.operands[0]);
  const std::string_view text = input.map();
  const unsigned threads = arguments.threads;

  unsigned bits = 12;
  while ((std::uint64_t{256} << bits) < text.size() && bits < 22) ++bits;
  std::vector<Counter*> counters(threads);
  std::atomic<std::uint64_t> next{0};
  parallel(threads, [&](unsigned t) {
    counters[t] = new Counter(text, bits);
    for (std::uint64_t at; (at = next.fetch_add(kBlock)) < text.size();) {
      counters[t]->count(at, std::min<std::uint64_t>(text.size(), at + kBlock));
    }
  });

  for (Counter* counter : counters) bits = std::max(bits, counter->table().bits());
  std::vector<std::vector<Entry>> merged(threads);
  std::vector<std::vector<std::size_t>> offsets(threads, std::vector<std::size_t>(kBuckets));
  parallel(threads, [&](unsigned t) {
    if (counters[t]->table().bits() < bits) counters[t]->table().grow(bits);
  });
  parallel(threads, [&](unsigned t) {
    merge(counters, t, threads, merged[t]);
    for (const Entry& entry : merged[t]) ++offsets[t][bucket_of(entry)];
  });

  std::vector<std::size_t> bounds(kBuckets + 1);
  std::size_t total = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    bounds[bucket] = total;
    for (unsigned t = 0; t < threads; ++t) {
      const std::size_t count = offsets[t][bucket];
      offsets[t][bucket] = total;
      total += count;
    }
  }
  bounds[kBuckets] = total;
  Entry* entries = allocate<Entry>(total);
  parallel(threads, [&](unsigned t) {
    for (const Entry& entry : merged[t]) entries[offsets[t][bucket_of(entry)]++] = entry;
  });

  // Shares of whole buckets: sorted in turns, written in order.
  const std::size_t shares = threads * 16;
  std::vector<std::string> lines(shares);
  std::atomic<std::size_t> share{0};
  parallel(threads, [&](unsigned) {
    for (std::size_t i; (i = share++) < shares;) {
      const auto first = std::lower_bound(bounds.begin(), bounds.end(), total * i / shares);
      const auto last =
          i + 1 == shares ? bounds.end() - 1 : std::lower_bound(bounds.begin(), bounds.end(), total * (i + 1) / shares);
      for (auto bound = first; bound < last; ++bound) {
        if (bound[1] - bound[0] > 1) std::sort(entries + bound[0], entries + bound[1]);
      }
      format(entries + *first, entries + *last, lines[i]);
    }
  });
  OutputFile output(arguments.output);
  for (const std::string& part : lines) output.write(part.data(), part.size());
  finish();
}
