#pragma once

#include <immintrin.h>

#include "lines.h"

// Tables of words, split on ASCII white space: one for words of up to 8 bytes, one for 9 to 16, one for all others, so
// that most words cost one cache line of four keys and their values. A value is never 0 once its word has been visited.
namespace reference {

// One result. A word of up to 16 bytes is its prefix, as two numbers that compare as its bytes do; a longer one also
// has a record (its length, its bytes) in memory that stays.
struct Entry {
  std::uint64_t prefix[2];
  std::uint64_t value;
  const char* record;
};

// Words of up to 8 bytes without NUL, zero-padded: 0 is an empty place.
struct ShortWords {
  struct Key {
    std::uint64_t bytes;
  };
  struct Line {
    std::uint64_t keys[4];
    std::uint64_t values[4];
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
  static Entry entry(Key key, std::uint64_t value) { return {{__builtin_bswap64(key.bytes), 0}, value, nullptr}; }
};

// Words of 9 to 16 bytes without NUL.
struct MiddleWords {
  struct Key {
    std::uint64_t first, second;
  };
  struct Line {
    std::uint64_t firsts[2];
    std::uint64_t seconds[2];
    std::uint64_t values[2];
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
  static Entry entry(Key key, std::uint64_t value) {
    return {{__builtin_bswap64(key.first), __builtin_bswap64(key.second)}, value, nullptr};
  }
};

inline std::uint32_t record_length(const char* record) {
  std::uint32_t length;
  std::memcpy(&length, record, sizeof length);
  return length;
}

inline const char* record_bytes(const char* record) { return record + sizeof(std::uint32_t); }

// All other words, as records: longer ones and those with NUL bytes.
struct LongWords {
  struct Key {
    std::uint64_t tag;
    const char* record;
  };
  struct Line {
    std::uint64_t tags[2];
    const char* records[2];
    std::uint64_t values[2];
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
  static Entry entry(Key key, std::uint64_t value) {
    char prefix[16] = {};
    std::memcpy(prefix, record_bytes(key.record), std::min(record_length(key.record), 16U));
    return {{__builtin_bswap64(load8(prefix)), __builtin_bswap64(load8(prefix + 8))}, value, key.record};
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

  static std::uint64_t hash(Key key) { return Words::hash(key); }
  static Entry entry(Key key, std::uint64_t value) { return Words::entry(key, value); }

  unsigned bits() const { return bits_; }
  std::size_t used() const { return used_; }
  std::size_t homes() const { return std::size_t{1} << bits_; }
  std::size_t end() const { return homes() + kOverflow; }
  std::size_t home(std::uint64_t hash) const { return hash >> (64 - bits_); }
  const Line& operator[](std::size_t i) const { return lines_[i]; }
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&lines_[home(hash)], 1); }

  // Calls function(value) for the word, whose value is 0 when it is new. Returns whether it is.
  template <typename Function>
  bool visit(Key key, std::uint64_t hash, Function function) {
    for (Line* line = &lines_[home(hash)];; ++line) {
      if (const unsigned found = Words::match(*line, key); found != 0) {
        function(line->values[__builtin_ctz(found)]);
        return false;
      }
      const unsigned empty = Words::empty(*line);
      if (empty == 0) continue;
      const auto place = static_cast<std::size_t>(__builtin_ctz(empty));
      Words::set(*line, place, key);
      function(line->values[place]);
      ++used_;
      return true;
    }
  }

  // The value of the word, 0 when it is not there.
  std::uint64_t find(Key key, std::uint64_t hash) const {
    for (const Line* line = &lines_[home(hash)];; ++line) {
      if (const unsigned found = Words::match(*line, key); found != 0) return line->values[__builtin_ctz(found)];
      if (Words::empty(*line) != 0) return 0;
    }
  }

  // Adds to the value of a word that is there; returns false when it is not.
  bool add_to_present(Key key, std::uint64_t hash, std::uint64_t value) {
    for (Line* line = &lines_[home(hash)];; ++line) {
      if (const unsigned found = Words::match(*line, key); found != 0) {
        line->values[__builtin_ctz(found)] += value;
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
      for_each(old[i], [&](Key key, std::uint64_t value) {
        visit(key, Words::hash(key), [value](std::uint64_t& to) { to = value; });
      });
    }
    release(old, old_end * sizeof(Line));
  }

  template <typename Function>
  static void for_each(const Line& line, Function function) {
    for (std::size_t place = 0; place < Words::kPlaces; ++place) {
      if (line.values[place] != 0) function(Words::key(line, place), line.values[place]);
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

// Writes the word, and for a short one up to 16 bytes beyond it; returns its length.
inline std::size_t put_word(const Entry& entry, char* to) {
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
inline bool less_beyond_prefix(const Entry& a, const Entry& b) {
  const auto bytes = [](const Entry& entry, char* room) -> std::string_view {
    if (entry.record != nullptr) return {record_bytes(entry.record), record_length(entry.record)};
    return {room, put_word(entry, room)};
  };
  char room_a[16];
  char room_b[16];
  return bytes(a, room_a) < bytes(b, room_b);
}

inline bool operator<(const Entry& a, const Entry& b) {
  if (a.prefix[0] != b.prefix[0]) return a.prefix[0] < b.prefix[0];
  if (a.prefix[1] != b.prefix[1]) return a.prefix[1] < b.prefix[1];
  return (a.record != nullptr || b.record != nullptr) && less_beyond_prefix(a, b);
}

}  // namespace reference
