// Word count: INPUT -> one file of `word<TAB>count` lines sorted by word (bytes), words split on ASCII white space.
//
// Each thread counts the words of the blocks it claims in tables of its own, one for words of up to 8 bytes, one for 9
// to 16, one for longer ones, so that most words cost one cache line of four keys and their counts. Word edges come
// from 64-byte bit masks; the words of a window are hashed first, then counted with the lines of those ahead
// prefetched. Tables are ordered by hash, so merging those of all threads is a walk through all of them, split by hash
// range. The sort is a radix step over two bytes, then std::sort on 16-byte big-endian prefixes.
#include <array>
#include <charconv>
#include <immintrin.h>
#include <utility>

#include "program.h"

namespace {

using namespace reference;

constexpr std::uint64_t kBlock = 1 << 20;
constexpr std::uint64_t kWindow = 4096;
constexpr std::size_t kAhead = 24;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ typedef unsigned __int128 Wide;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t load8(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, 8);
  return word;
}

// One result. A word of up to 16 bytes is its prefix, as two numbers that compare as its bytes do; a longer one also
// has a record (its length, its bytes) in memory that stays.
struct Entry {
  std::uint64_t prefix[2];
  std::uint64_t count;
  const char* record;
};

// Words of up to 8 bytes without NUL, zero-padded: 0 is an empty place.
struct ShortWords {
  struct Key {
    std::uint64_t bytes;
  };
  struct Line {
    std::uint64_t keys[4];
    std::uint64_t counts[4];
  };
  static constexpr std::size_t kPlaces = 4;

  static std::uint64_t hash(Key key) { return mix(key.bytes, 0x9e3779b97f4a7c15ULL); }
  static Key key(const Line& line, std::size_t place) { return {line.keys[place]}; }
  static void set(Line& line, std::size_t place, Key key) { line.keys[place] = key.bytes; }
  static unsigned match(const Line& line, Key key) {
    const __m256i keys = _mm256_load_si256(reinterpret_cast<const __m256i*>(line.keys));
    return _mm256_cmpeq_epi64_mask(keys, _mm256_set1_epi64x(static_cast<long long>(key.bytes)));
  }
  static unsigned empty(const Line& line) { return match(line, {0}); }
  static Entry entry(Key key, std::uint64_t count) { return {{__builtin_bswap64(key.bytes), 0}, count, nullptr}; }
};

// Words of 9 to 16 bytes without NUL.
struct MiddleWords {
  struct Key {
    std::uint64_t first, second;
  };
  struct Line {
    std::uint64_t firsts[2];
    std::uint64_t seconds[2];
    std::uint64_t counts[2];
    std::uint64_t unused[2];
  };
  static constexpr std::size_t kPlaces = 2;

  static std::uint64_t hash(Key key) {
    return mix(key.first ^ 0x9e3779b97f4a7c15ULL, key.second ^ 0xd1b54a32d192ed03ULL);
  }
  static Key key(const Line& line, std::size_t place) { return {line.firsts[place], line.seconds[place]}; }
  static void set(Line& line, std::size_t place, Key key) {
    line.firsts[place] = key.first;
    line.seconds[place] = key.second;
  }
  static unsigned match(const Line& line, Key key) {
    const __m128i firsts = _mm_load_si128(reinterpret_cast<const __m128i*>(line.firsts));
    const __m128i seconds = _mm_load_si128(reinterpret_cast<const __m128i*>(line.seconds));
    return _mm_cmpeq_epi64_mask(firsts, _mm_set1_epi64x(static_cast<long long>(key.first))) &
           _mm_cmpeq_epi64_mask(seconds, _mm_set1_epi64x(static_cast<long long>(key.second)));
  }
  static unsigned empty(const Line& line) {
    return _mm_testn_epi64_mask(_mm_load_si128(reinterpret_cast<const __m128i*>(line.firsts)), _mm_set1_epi64x(-1));
  }
  static Entry entry(Key key, std::uint64_t count) {
    return {{__builtin_bswap64(key.first), __builtin_bswap64(key.second)}, count, nullptr};
  }
};

std::uint32_t record_length(const char* record) {
  std::uint32_t length;
  std::memcpy(&length, record, sizeof length);
  return length;
}

const char* record_bytes(const char* record) { return record + sizeof(std::uint32_t); }

// All other words, as records: longer ones and those with NUL bytes.
struct LongWords {
  struct Key {
    std::uint64_t tag;
    const char* record;
  };
  struct Line {
    std::uint64_t tags[2];
    const char* records[2];
    std::uint64_t counts[2];
    std::uint64_t unused[2];
  };
  static constexpr std::size_t kPlaces = 2;

  static std::uint64_t hash(Key key) { return key.tag; }
  static std::uint64_t tag(const char* bytes, std::size_t length) {
    std::uint64_t state = length ^ 0x9e3779b97f4a7c15ULL;
    while (length >= 8) {
      state = mix(state ^ load8(bytes), 0xd1b54a32d192ed03ULL);
      bytes += 8;
      length -= 8;
    }
    std::uint64_t rest = 0;
    std::memcpy(&rest, bytes, length);
    return mix(state ^ rest, 0xd1b54a32d192ed03ULL);
  }
  static Key key(const Line& line, std::size_t place) { return {line.tags[place], line.records[place]}; }
  static void set(Line& line, std::size_t place, Key key) {
    line.tags[place] = key.tag;
    line.records[place] = key.record;
  }
  static unsigned match(const Line& line, Key key) {
    for (unsigned place = 0; place < kPlaces; ++place) {
      if (line.records[place] == nullptr || line.tags[place] != key.tag) continue;
      const std::uint32_t length = record_length(key.record);
      if (length == record_length(line.records[place]) &&
          std::memcmp(record_bytes(line.records[place]), record_bytes(key.record), length) == 0) {
        return 1U << place;
      }
    }
    return 0;
  }
  static unsigned empty(const Line& line) { return (line.records[0] == nullptr) | (line.records[1] == nullptr) << 1; }
  static Entry entry(Key key, std::uint64_t count) {
    char prefix[16] = {};
    std::memcpy(prefix, record_bytes(key.record), std::min(record_length(key.record), 16U));
    return {{__builtin_bswap64(load8(prefix)), __builtin_bswap64(load8(prefix + 8))}, count, key.record};
  }
};

// Open addressing by cache lines; a word's home is the line of its hash's top bits and what finds that full goes to the
// next ones, on past the last home: so words are nearly in order of their hashes.
template <typename Words>
class Table {
 public:
  using Key = typename Words::Key;
  using Line = typename Words::Line;

  explicit Table(unsigned bits) { reset(bits); }

  unsigned bits() const { return bits_; }
  std::size_t used() const { return used_; }
  std::size_t homes() const { return std::size_t{1} << bits_; }
  std::size_t end() const { return homes() + kOverflow; }
  std::size_t home(std::uint64_t hash) const { return hash >> (64 - bits_); }
  const Line& operator[](std::size_t i) const { return lines_[i]; }
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&lines_[home(hash)], 1); }

  // Adds to the word's count. Returns whether it was new.
  bool add(Key key, std::uint64_t hash, std::uint64_t count) {
    for (Line* line = &lines_[home(hash)];; ++line) {
      if (const unsigned found = Words::match(*line, key); found != 0) {
        line->counts[__builtin_ctz(found)] += count;
        return false;
      }
      const unsigned empty = Words::empty(*line);
      if (empty == 0) continue;
      const auto place = static_cast<std::size_t>(__builtin_ctz(empty));
      Words::set(*line, place, key);
      line->counts[place] = count;
      ++used_;
      return true;
    }
  }

  // Adds to the count of a word that is there; returns false when it is not.
  bool add_to_present(Key key, std::uint64_t hash, std::uint64_t count) {
    for (Line* line = &lines_[home(hash)];; ++line) {
      if (const unsigned found = Words::match(*line, key); found != 0) {
        line->counts[__builtin_ctz(found)] += count;
        return true;
      }
      if (Words::empty(*line) != 0) return false;
    }
  }

  void reserve(std::size_t more) {
    while ((used_ + more) * 4 > homes() * Words::kPlaces * 3) grow(bits_ + 1);
  }

  void grow(unsigned bits) {
    Line* old = lines_;
    const std::size_t old_end = end();
    reset(bits);
    used_ = 0;
    for (std::size_t i = 0; i < old_end; ++i) {
      for_each(old[i], [&](Key key, std::uint64_t count) { add(key, Words::hash(key), count); });
    }
    release(old, old_end * sizeof(Line));
  }

  template <typename Function>
  static void for_each(const Line& line, Function function) {
    for (std::size_t place = 0; place < Words::kPlaces; ++place) {
      if (line.counts[place] != 0) function(Words::key(line, place), line.counts[place]);
    }
  }

 private:
  static constexpr std::size_t kOverflow = 1 << 12;

  void reset(unsigned bits) {
    bits_ = bits;
    lines_ = allocate<Line>(end());
  }

  unsigned bits_ = 0;
  Line* lines_ = nullptr;
  std::size_t used_ = 0;
};

// Entries in memory that is only touched where it is used.
struct Entries {
  Entry* data = nullptr;
  std::size_t size = 0;
};

// Appends all words whose hash lies in the part'th of `parts` ranges, each once, with the sum of its counts.
template <typename Words>
void merge(const std::vector<Table<Words>*>& tables, std::size_t part, std::size_t parts, Entries& out) {
  const std::size_t begin = tables[0]->homes() * part / parts;
  const std::size_t end = tables[0]->homes() * (part + 1) / parts;
  for (std::size_t t = tables.size(); t-- > 0;) {
    const Table<Words>& table = *tables[t];
    for (std::size_t i = begin; i < end || (i < table.end() && Words::empty(table[i - 1]) == 0); ++i) {
      Table<Words>::for_each(table[i], [&](typename Words::Key key, std::uint64_t count) {
        const std::uint64_t hash = Words::hash(key);
        if (table.home(hash) < begin || table.home(hash) >= end) return;
        bool present = false;
        for (std::size_t other = 0; other < t && !present; ++other) {
          present = tables[other]->add_to_present(key, hash, count);
        }
        if (!present) out.data[out.size++] = Words::entry(key, count);
      });
    }
  }
}

bool is_white(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

__mmask64 white_space(__m512i bytes) {
  const __m512i control = _mm512_sub_epi8(bytes, _mm512_set1_epi8('\t'));
  return _mm512_cmple_epu8_mask(control, _mm512_set1_epi8(4)) | _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(' '));
}

// Appends base + i for every set bit i, at most 32 of them; writes up to 15 entries beyond the new end.
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

// Where words of one class start in the window, and how long they are.
struct Places {
  static constexpr std::size_t kRoom = kWindow / 2 + 64;

  std::uint32_t starts[kRoom];
  std::uint32_t lengths[kRoom];
  std::size_t size = 0;

  void append(__mmask16 chosen, __m512i start, __m512i length) {
    _mm512_storeu_si512(starts + size, _mm512_maskz_compress_epi32(chosen, start));
    _mm512_storeu_si512(lengths + size, _mm512_maskz_compress_epi32(chosen, length));
    size += static_cast<std::size_t>(__builtin_popcount(chosen));
  }
};

class Counter {
 public:
  // Every table starts at 2^bits lines and grows as words come.
  explicit Counter(unsigned bits) : shorts_(bits), middles_(bits), longs_(bits) {}

  Table<ShortWords>& shorts() { return shorts_; }
  Table<MiddleWords>& middles() { return middles_; }
  Table<LongWords>& longs() { return longs_; }

  // Counts the words that start in [begin, end). The text must be readable 16 bytes beyond that.
  void count(std::string_view text, std::uint64_t begin, std::uint64_t end) {
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
      count_shorts(text_.data() + begin);
      count_middles(text_.data() + begin);
      count_longs(text_.data() + begin);
    }
  }

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
      words = append_bits(~white & ~before, i, starts_, words);
      ends = append_bits(white & before, i, ends_, ends);
      carry = ~white >> 63;
    }
    if (i < size) {
      const __mmask64 valid = (1ULL << (size - i)) - 1;
      const __m512i bytes = _mm512_mask_loadu_epi8(_mm512_set1_epi8(' '), valid, base + i);
      const std::uint64_t white = white_space(bytes);
      nul |= _mm512_testn_epi8_mask(bytes, bytes);
      const std::uint64_t before = (~white << 1) | carry;
      words = append_bits(~white & ~before & valid, i, starts_, words);
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

  void classify(std::size_t words) {
    short_places_.size = middle_places_.size = long_places_.size = 0;
    for (std::size_t i = 0; i < words; i += 16) {
      const auto valid = static_cast<__mmask16>(words - i >= 16 ? 0xffff : (1U << (words - i)) - 1);
      const __m512i start = _mm512_loadu_si512(starts_ + i);
      const __m512i length = _mm512_sub_epi32(_mm512_loadu_si512(ends_ + kBefore + i), start);
      const __mmask16 over8 = _mm512_cmpgt_epu32_mask(length, _mm512_set1_epi32(8));
      const __mmask16 over16 = _mm512_cmpgt_epu32_mask(length, _mm512_set1_epi32(16));
      if (has_nul_) {
        long_places_.append(valid, start, length);
        continue;
      }
      short_places_.append(static_cast<__mmask16>(valid & ~over8), start, length);
      middle_places_.append(static_cast<__mmask16>(valid & over8 & ~over16), start, length);
      if ((valid & over16) != 0) long_places_.append(static_cast<__mmask16>(valid & over16), start, length);
    }
  }

  void count_shorts(const char* base) {
    ShortWords::Key keys[Places::kRoom];
    const std::size_t size = short_places_.size;
    for (std::size_t i = 0; i < size; ++i) {
      keys[i] = {_bzhi_u64(load8(base + short_places_.starts[i]), short_places_.lengths[i] * 8)};
      hashes_[i] = ShortWords::hash(keys[i]);
    }
    count_all(shorts_, keys, size);
  }

  void count_middles(const char* base) {
    MiddleWords::Key keys[Places::kRoom];
    const std::size_t size = middle_places_.size;
    for (std::size_t i = 0; i < size; ++i) {
      const char* word = base + middle_places_.starts[i];
      keys[i] = {load8(word), _bzhi_u64(load8(word + 8), (middle_places_.lengths[i] - 8) * 8)};
      hashes_[i] = MiddleWords::hash(keys[i]);
    }
    count_all(middles_, keys, size);
  }

  template <typename Words>
  void count_all(Table<Words>& table, const typename Words::Key* keys, std::size_t size) {
    for (std::size_t i = 0; i < std::min(size, kAhead); ++i) table.prefetch(hashes_[i]);
    std::size_t i = 0;
    for (; i + kAhead < size; ++i) {
      table.prefetch(hashes_[i + kAhead]);
      table.add(keys[i], hashes_[i], 1);
    }
    for (; i < size; ++i) table.add(keys[i], hashes_[i], 1);
  }

  void count_longs(const char* base) {
    const std::size_t size = long_places_.size;
    for (std::size_t i = 0; i < size; ++i) {
      const std::string_view word(base + long_places_.starts[i], long_places_.lengths[i]);
      hashes_[i] = LongWords::tag(word.data(), word.size());
      longs_.prefetch(hashes_[i]);
    }
    for (std::size_t i = 0; i < size; ++i) {
      const std::string_view word(base + long_places_.starts[i], long_places_.lengths[i]);
      char* record = record_of(word);
      if (longs_.add({hashes_[i], record}, hashes_[i], 1)) arena_ = record + sizeof(std::uint32_t) + word.size();
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
  std::uint32_t starts_[Places::kRoom];
  std::uint32_t ends_[kBefore + Places::kRoom];
  Places short_places_;
  Places middle_places_;
  Places long_places_;
  std::uint64_t hashes_[Places::kRoom];
};

std::size_t put_word(const Entry& entry, char* to) {
  if (entry.record != nullptr) {
    const std::uint32_t length = record_length(entry.record);
    std::memcpy(to, record_bytes(entry.record), length);
    return length;
  }
  const std::uint64_t bytes[2] = {__builtin_bswap64(entry.prefix[0]), __builtin_bswap64(entry.prefix[1])};
  std::memcpy(to, bytes, 16);
  return static_cast<std::size_t>(bytes[1] != 0 ? 16 - __builtin_clzll(bytes[1]) / 8
                                                : 8 - __builtin_clzll(bytes[0]) / 8);
}

// The order of two words whose first 16 bytes are equal, or zeros beyond their ends.
bool less_beyond_prefix(const Entry& a, const Entry& b) {
  const auto bytes = [](const Entry& entry, char* room) -> std::string_view {
    if (entry.record != nullptr) return {record_bytes(entry.record), record_length(entry.record)};
    return {room, put_word(entry, room)};
  };
  char room_a[16];
  char room_b[16];
  return bytes(a, room_a) < bytes(b, room_b);
}

bool operator<(const Entry& a, const Entry& b) {
  if (a.prefix[0] != b.prefix[0]) return a.prefix[0] < b.prefix[0];
  if (a.prefix[1] != b.prefix[1]) return a.prefix[1] < b.prefix[1];
  return (a.record != nullptr || b.record != nullptr) && less_beyond_prefix(a, b);
}

constexpr std::size_t kBuckets = 1 << 16;
std::size_t bucket_of(const Entry& entry) { return entry.prefix[0] >> 48; }

void format(const Entry* begin, const Entry* end, std::string& out) {
  std::size_t room = 16;
  for (const Entry* entry = begin; entry != end; ++entry) {
    room += 22 + (entry->record == nullptr ? 16 : record_length(entry->record));
  }
  out.resize(room);
  char* to = out.data();
  for (const Entry* entry = begin; entry != end; ++entry) {
    to += put_word(*entry, to);
    *to++ = '\t';
    to = std::to_chars(to, to + 20, entry->count).ptr;
    *to++ = '\n';
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

std::vector<Counter*> count_words(std::string_view text, unsigned threads) {
  unsigned bits = 10;
  while ((std::uint64_t{4096} << bits) < text.size() && bits < 18) ++bits;
  std::vector<Counter*> counters(threads);
  std::atomic<std::uint64_t> next{0};
  parallel(threads, [&](unsigned t) {
    counters[t] = new Counter(bits);
    for (std::uint64_t at; (at = next.fetch_add(kBlock)) < text.size();) {
      counters[t]->count(text, at, std::min<std::uint64_t>(text.size(), at + kBlock));
    }
  });
  return counters;
}

template <typename Words, typename Member>
std::vector<Table<Words>*> tables_of(const std::vector<Counter*>& counters, Member member) {
  std::vector<Table<Words>*> tables;
  unsigned bits = 0;
  for (Counter* counter : counters) {
    tables.push_back(&(counter->*member)());
    bits = std::max(bits, tables.back()->bits());
  }
  for (Table<Words>* table : tables) {
    if (table->bits() < bits) table->grow(bits);
  }
  return tables;
}

// Sorts shares of whole buckets in turns and writes them in order.
void sort_and_write(Entry* entries, const std::vector<std::size_t>& bounds, unsigned threads, const std::string& path) {
  const std::size_t total = bounds.back();
  const std::size_t shares = threads * 16;
  std::vector<std::string> lines(shares);
  std::atomic<std::size_t> next{0};
  parallel(threads, [&](unsigned) {
    for (std::size_t share; (share = next++) < shares;) {
      const auto bound = [&](std::size_t i) {
        return i == shares ? bounds.end() - 1 : std::lower_bound(bounds.begin(), bounds.end(), total * i / shares);
      };
      for (auto bucket = bound(share); bucket < bound(share + 1); ++bucket) {
        if (bucket[1] - bucket[0] > 1) std::sort(entries + bucket[0], entries + bucket[1]);
      }
      format(entries + *bound(share), entries + *bound(share + 1), lines[share]);
    }
  });
  OutputFile output(path);
  for (const std::string& part : lines) output.write(part.data(), part.size());
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, 1, "INPUT");
  const InputFile input(arguments.operands[0]);
  const unsigned threads = arguments.threads;
  std::vector<Counter*> counters = count_words(input.map(), threads);

  const auto shorts = tables_of<ShortWords>(counters, &Counter::shorts);
  const auto middles = tables_of<MiddleWords>(counters, &Counter::middles);
  const auto longs = tables_of<LongWords>(counters, &Counter::longs);
  std::vector<Entries> merged(threads);
  std::vector<std::vector<std::size_t>> offsets(threads, std::vector<std::size_t>(kBuckets));
  parallel(threads, [&](unsigned t) {
    std::size_t room = 0;
    for (Counter* counter : counters)
      room += counter->shorts().used() + counter->middles().used() + counter->longs().used();
    merged[t].data = allocate<Entry>(room);
    merge(shorts, t, threads, merged[t]);
    merge(middles, t, threads, merged[t]);
    merge(longs, t, threads, merged[t]);
    for (std::size_t i = 0; i < merged[t].size; ++i) ++offsets[t][bucket_of(merged[t].data[i])];
  });

  std::vector<std::size_t> bounds(kBuckets + 1);
  std::size_t total = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    bounds[bucket] = total;
    for (unsigned t = 0; t < threads; ++t) total += std::exchange(offsets[t][bucket], total);
  }
  bounds[kBuckets] = total;
  Entry* entries = allocate<Entry>(total);
  parallel(threads, [&](unsigned t) {
    for (std::size_t i = 0; i < merged[t].size; ++i) {
      entries[offsets[t][bucket_of(merged[t].data[i])]++] = merged[t].data[i];
    }
  });
  sort_and_write(entries, bounds, threads, arguments.output);
  finish();
}
