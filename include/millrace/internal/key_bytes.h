#pragma once

#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <millrace/codec.h>

namespace millrace::internal {

/// A key as bytes that are equal exactly when the keys are: what the aggregation table and hash partitioning work on.
/// Fixed-size keys of up to 16 bytes and text need no copy; any other key is encoded.
template <class K>
struct KeyBytes {
  static constexpr std::size_t fixed = 0;
  std::string_view of(const K& key) {
    scratch.resize(Codec<K>::size(key));
    Codec<K>::encode(key, scratch.data());
    return {reinterpret_cast<const char*>(scratch.data()), scratch.size()};
  }
  static K key(std::string_view bytes) {
    const auto* at = reinterpret_cast<const std::byte*>(bytes.data());
    return Codec<K>::decode(at, at + bytes.size());
  }
  std::vector<std::byte> scratch;
};

template <class K>
concept TextKey = std::is_same_v<K, std::string> || std::is_same_v<K, std::string_view>;

template <TextKey K>
struct KeyBytes<K> {
  static constexpr std::size_t fixed = 0;
  static std::string_view of(const K& key) { return key; }
  static K key(std::string_view bytes) { return K(bytes); }
};

template <class K>
requires(Plain<K>&& std::has_unique_object_representations_v<K> && sizeof(K) <= 16) struct KeyBytes<K> {
  static constexpr std::size_t fixed = sizeof(K);
  static std::string_view of(const K& key) { return {reinterpret_cast<const char*>(&key), sizeof(K)}; }
  static K key(std::string_view bytes) {
    alignas(K) char raw[sizeof(K)];
    std::memcpy(raw, bytes.data(), sizeof(K));
    return *std::launder(reinterpret_cast<K*>(raw));
  }
};

/// Floating-point keys: both zeros are one key, and so are all NaNs.
template <class K>
requires std::is_floating_point_v<K>
struct KeyBytes<K> {
  static constexpr std::size_t fixed = 0;
  std::string_view of(const K& key) {
    value = key == K{0} ? K{0} : key != key ? std::numeric_limits<K>::quiet_NaN() : key;
    return {reinterpret_cast<const char*>(&value), sizeof(K) > 10 ? 10 : sizeof(K)};
  }
  static K key(std::string_view bytes) {
    K out{};
    std::memcpy(&out, bytes.data(), bytes.size());
    return out;
  }
  K value{};
};

}  // namespace millrace::internal
