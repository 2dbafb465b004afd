#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

// The hash that partitions and orders aggregated keys. It is part of the output's definition (the order inside a part
// of reduce_by_key), so its values never change between machines or releases: tests pin them.

namespace millrace::internal {

__extension__ typedef unsigned __int128 Uint128;

inline constexpr std::uint64_t hash_seed_a = 0x9e3779b97f4a7c15;
inline constexpr std::uint64_t hash_seed_b = 0xc2b2ae3d27d4eb4f;
inline constexpr std::uint64_t hash_seed_c = 0x165667b19e3779f9;

inline std::uint64_t multiply_fold(std::uint64_t a, std::uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// A key of up to 16 bytes, zero-padded in two words.
struct ShortKey {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
};

inline std::uint64_t hash_short(ShortKey key, std::uint64_t length) {
  return multiply_fold(multiply_fold(key.a ^ hash_seed_a, key.b ^ hash_seed_b) ^ hash_seed_c, length ^ hash_seed_a);
}

inline std::uint64_t load8(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, 8);
  return word;
}

/// For keys longer than 16 bytes.
inline std::uint64_t hash_long(const char* at, std::size_t length) {
  std::uint64_t hash = length ^ hash_seed_c;
  const char* const last = at + length - 16;
  for (; at < last; at += 16) hash = multiply_fold(load8(at) ^ hash_seed_a ^ hash, load8(at + 8) ^ hash_seed_b);
  hash = multiply_fold(load8(last) ^ hash_seed_a ^ hash, load8(last + 8) ^ hash_seed_b);
  return multiply_fold(hash ^ hash_seed_c, length ^ hash_seed_a);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MILLRACE_EXACT_LOADS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MILLRACE_EXACT_LOADS 1
#endif
#endif

inline constexpr unsigned char short_key_mask[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                                     255, 255, 255, 255, 255, 0,   0,   0,   0,   0,   0,
                                                     0,   0,   0,   0,   0,   0,   0,   0,   0,   0};

/// Loads up to 16 bytes, zero-padded. Reads 16 bytes wherever that cannot cross into another page: the word lengths of
/// text are unpredictable, and a branch on them costs more than all the rest of hashing. A length that the compiler
/// knows (numbers) is loaded as it is. The null pointer of an empty view counts as the end of a page.
inline ShortKey load_short(const char* at, std::size_t length) {
  static_assert(std::endian::native == std::endian::little);
  ShortKey key;
  if (length == 0) [[unlikely]]
    return key;  // an empty view may point nowhere
#ifndef MILLRACE_EXACT_LOADS
  if (!__builtin_constant_p(length) && ((reinterpret_cast<std::uintptr_t>(at) - 1) & 4095) < 4096 - 16) [[likely]] {
    const char* mask = reinterpret_cast<const char*>(short_key_mask) + 16 - length;
    key.a = load8(at) & load8(mask);
    key.b = load8(at + 8) & load8(mask + 8);
    return key;
  }
#endif
  char padded[16] = {};
  std::memcpy(padded, at, length);
  key.a = load8(padded);
  key.b = load8(padded + 8);
  return key;
}

inline std::uint64_t hash_bytes(std::string_view key) {
  return key.size() <= 16 ? hash_short(load_short(key.data(), key.size()), key.size())
                          : hash_long(key.data(), key.size());
}

/// Which of `partitions` equal ranges of the hash a key falls into. Ranges, not remainders: what is in hash order is in
/// partition order.
inline std::uint32_t partition_of(std::uint64_t hash, std::uint32_t partitions) {
  return static_cast<std::uint32_t>((static_cast<Uint128>(hash) * partitions) >> 64);
}

}  // namespace millrace::internal
