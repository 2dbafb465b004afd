#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <millrace/error.h>

// How an element becomes bytes, for shuffles, caches, spills, record files and results.
//
// Known types: arithmetic and enum types and every other trivially copyable class (their object bytes, so machines of
// one byte order only), std::string, std::string_view, std::vector, std::optional, std::pair, std::tuple, std::array,
// std::span<const T> of a trivially copyable T, and structs that say which members they have:
//
//   struct Visit { std::string url; int hits; static constexpr auto fields = std::tuple{&Visit::url, &Visit::hits}; };
//
// Views (std::string_view, std::span) decode to views into the bytes they are decoded from; Owned<T> is the type that
// keeps what they show. A class that holds a pointer or a view among its members must name its `fields`, because its
// object bytes would carry an address.

namespace millrace {

/// The codec of T; specialise it for a type of your own that has neither form above.
///   static std::size_t size(const T&);                                          bytes that encode() will write
///   static std::byte* encode(const T&, std::byte* out);                         returns the end of what it wrote
///   static T decode(const std::byte*& at, const std::byte* end);                throws Error(bad_data) past the end
///   static void skip(const std::byte*& at, const std::byte* end);               as decode(), without the value
template <class T, class = void>
struct Codec;

namespace internal {

[[noreturn]] void throw_truncated();

template <class T>
struct IsTuple : std::false_type {};
template <class... Ts>
struct IsTuple<std::tuple<Ts...>> : std::true_type {};
template <class A, class B>
struct IsTuple<std::pair<A, B>> : std::true_type {};

template <class T>
concept HasFields = requires {
  T::fields;
};

template <class T>
struct IsView : std::false_type {};
template <>
struct IsView<std::string_view> : std::true_type {};
template <class T, std::size_t N>
struct IsView<std::span<T, N>> : std::true_type {};

template <class T>
concept Plain = std::is_trivially_copyable_v<T> && !IsTuple<T>::value && !IsView<T>::value && !HasFields<T> &&
                !std::is_pointer_v<T> && !std::is_reference_v<T>;

inline void need(const std::byte* at, const std::byte* end, std::size_t bytes) {
  if (static_cast<std::size_t>(end - at) < bytes) [[unlikely]]
    throw_truncated();
}

// Lengths are LEB128: seven bits a byte, least significant first.
inline std::size_t length_size(std::uint64_t value) {
  std::size_t bytes = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++bytes;
  }
  return bytes;
}

inline std::byte* encode_length(std::uint64_t value, std::byte* out) {
  while (value >= 0x80) {
    *out++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<std::byte>(value);
  return out;
}

inline std::uint64_t decode_length(const std::byte*& at, const std::byte* end) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at == end) [[unlikely]]
      throw_truncated();
    const auto byte = static_cast<std::uint64_t>(*at++);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw_truncated();
}

}  // namespace internal

template <class T>
struct Codec<T, std::enable_if_t<internal::Plain<T>>> {
  static constexpr std::size_t fixed = sizeof(T);
  static std::size_t size(const T&) { return sizeof(T); }
  static std::byte* encode(const T& value, std::byte* out) {
    std::memcpy(out, &value, sizeof(T));
    return out + sizeof(T);
  }
  static T decode(const std::byte*& at, const std::byte* end) {
    internal::need(at, end, sizeof(T));
    alignas(T) std::byte raw[sizeof(T)];
    std::memcpy(raw, at, sizeof(T));
    at += sizeof(T);
    return *std::launder(reinterpret_cast<T*>(raw));
  }
  static void skip(const std::byte*& at, const std::byte* end) {
    internal::need(at, end, sizeof(T));
    at += sizeof(T);
  }
};

template <>
struct Codec<std::string_view> {
  static std::size_t size(std::string_view text) { return internal::length_size(text.size()) + text.size(); }
  static std::byte* encode(std::string_view text, std::byte* out) {
    out = internal::encode_length(text.size(), out);
    if (!text.empty()) std::memcpy(out, text.data(), text.size());
    return out + text.size();
  }
  static std::string_view decode(const std::byte*& at, const std::byte* end) {
    const std::uint64_t length = internal::decode_length(at, end);
    internal::need(at, end, length);
    const std::string_view text(reinterpret_cast<const char*>(at), length);
    at += length;
    return text;
  }
  static void skip(const std::byte*& at, const std::byte* end) { decode(at, end); }
};

template <>
struct Codec<std::string> {
  static std::size_t size(const std::string& text) { return Codec<std::string_view>::size(text); }
  static std::byte* encode(const std::string& text, std::byte* out) {
    return Codec<std::string_view>::encode(text, out);
  }
  static std::string decode(const std::byte*& at, const std::byte* end) {
    return std::string(Codec<std::string_view>::decode(at, end));
  }
  static void skip(const std::byte*& at, const std::byte* end) { Codec<std::string_view>::skip(at, end); }
};

template <class T>
struct Codec<std::vector<T>> {
  static std::size_t size(const std::vector<T>& values) {
    std::size_t bytes = internal::length_size(values.size());
    if constexpr (internal::Plain<T>) {
      bytes += values.size() * sizeof(T);
    } else {
      for (const T& value : values) bytes += Codec<T>::size(value);
    }
    return bytes;
  }
  static std::byte* encode(const std::vector<T>& values, std::byte* out) {
    out = internal::encode_length(values.size(), out);
    for (const T& value : values) out = Codec<T>::encode(value, out);
    return out;
  }
  static std::vector<T> decode(const std::byte*& at, const std::byte* end) {
    const std::uint64_t count = internal::decode_length(at, end);
    std::vector<T> values;
    if constexpr (internal::Plain<T>) internal::need(at, end, count * sizeof(T));
    for (std::uint64_t i = 0; i < count; ++i) values.push_back(Codec<T>::decode(at, end));
    return values;
  }
  static void skip(const std::byte*& at, const std::byte* end) {
    const std::uint64_t count = internal::decode_length(at, end);
    for (std::uint64_t i = 0; i < count; ++i) Codec<T>::skip(at, end);
  }
};

/// The length in bytes, as eight bytes, then the elements; decodes to a copy-free span when the bytes are aligned.
template <class T>
struct Codec<std::span<const T>> {
  static_assert(internal::Plain<T> && sizeof(T) == 1, "a span travels only as a view of single-byte elements");
  static std::size_t size(std::span<const T> values) { return internal::length_size(values.size()) + values.size(); }
  static std::byte* encode(std::span<const T> values, std::byte* out) {
    return Codec<std::string_view>::encode({reinterpret_cast<const char*>(values.data()), values.size()}, out);
  }
  static std::span<const T> decode(const std::byte*& at, const std::byte* end) {
    const std::string_view text = Codec<std::string_view>::decode(at, end);
    return {reinterpret_cast<const T*>(text.data()), text.size()};
  }
  static void skip(const std::byte*& at, const std::byte* end) { Codec<std::string_view>::skip(at, end); }
};

template <class T>
struct Codec<std::optional<T>, std::enable_if_t<!internal::Plain<std::optional<T>>>> {
  static std::size_t size(const std::optional<T>& value) { return 1 + (value ? Codec<T>::size(*value) : 0); }
  static std::byte* encode(const std::optional<T>& value, std::byte* out) {
    *out++ = static_cast<std::byte>(value.has_value());
    return value ? Codec<T>::encode(*value, out) : out;
  }
  static std::optional<T> decode(const std::byte*& at, const std::byte* end) {
    internal::need(at, end, 1);
    if (*at++ == std::byte{0}) return std::nullopt;
    return Codec<T>::decode(at, end);
  }
  static void skip(const std::byte*& at, const std::byte* end) {
    internal::need(at, end, 1);
    if (*at++ != std::byte{0}) Codec<T>::skip(at, end);
  }
};

template <class A, class B>
struct Codec<std::pair<A, B>> {
  static std::size_t size(const std::pair<A, B>& v) { return Codec<A>::size(v.first) + Codec<B>::size(v.second); }
  static std::byte* encode(const std::pair<A, B>& v, std::byte* out) {
    return Codec<B>::encode(v.second, Codec<A>::encode(v.first, out));
  }
  static std::pair<A, B> decode(const std::byte*& at, const std::byte* end) {
    A first = Codec<A>::decode(at, end);
    return {std::move(first), Codec<B>::decode(at, end)};
  }
  static void skip(const std::byte*& at, const std::byte* end) {
    Codec<A>::skip(at, end);
    Codec<B>::skip(at, end);
  }
};

template <class... Ts>
struct Codec<std::tuple<Ts...>> {
  static std::size_t size(const std::tuple<Ts...>& values) {
    return std::apply([](const Ts&... v) { return (std::size_t{0} + ... + Codec<Ts>::size(v)); }, values);
  }
  static std::byte* encode(const std::tuple<Ts...>& values, std::byte* out) {
    std::apply([&out](const Ts&... v) { ((out = Codec<Ts>::encode(v, out)), ...); }, values);
    return out;
  }
  static std::tuple<Ts...> decode(const std::byte*& at, const std::byte* end) {
    return std::tuple<Ts...>{Codec<Ts>::decode(at, end)...};  // braces: left to right
  }
  static void skip(const std::byte*& at, const std::byte* end) { (Codec<Ts>::skip(at, end), ...); }
};

template <class T, std::size_t N>
struct Codec<std::array<T, N>, std::enable_if_t<!internal::Plain<std::array<T, N>>>> {
  static std::size_t size(const std::array<T, N>& values) {
    std::size_t bytes = 0;
    for (const T& value : values) bytes += Codec<T>::size(value);
    return bytes;
  }
  static std::byte* encode(const std::array<T, N>& values, std::byte* out) {
    for (const T& value : values) out = Codec<T>::encode(value, out);
    return out;
  }
  static std::array<T, N> decode(const std::byte*& at, const std::byte* end) {
    std::array<T, N> values;
    for (T& value : values) value = Codec<T>::decode(at, end);
    return values;
  }
  static void skip(const std::byte*& at, const std::byte* end) {
    for (std::size_t i = 0; i < N; ++i) Codec<T>::skip(at, end);
  }
};

namespace internal {
template <class M>
struct MemberType;
template <class C, class M>
struct MemberType<M C::*> {
  using type = M;
};
template <class P>
using MemberTypeOf = typename MemberType<std::remove_const_t<P>>::type;
}  // namespace internal

template <class T>
struct Codec<T, std::enable_if_t<internal::HasFields<T>>> {
  static std::size_t size(const T& value) {
    return std::apply(
        [&](auto... m) { return (std::size_t{0} + ... + Codec<internal::MemberTypeOf<decltype(m)>>::size(value.*m)); },
        T::fields);
  }
  static std::byte* encode(const T& value, std::byte* out) {
    std::apply([&](auto... m) { ((out = Codec<internal::MemberTypeOf<decltype(m)>>::encode(value.*m, out)), ...); },
               T::fields);
    return out;
  }
  static T decode(const std::byte*& at, const std::byte* end) {
    T value{};
    std::apply([&](auto... m) { ((value.*m = Codec<internal::MemberTypeOf<decltype(m)>>::decode(at, end)), ...); },
               T::fields);
    return value;
  }
  static void skip(const std::byte*& at, const std::byte* end) {
    std::apply([&](auto... m) { (Codec<internal::MemberTypeOf<decltype(m)>>::skip(at, end), ...); }, T::fields);
  }
};

namespace internal {
template <class T, class = void>
struct HasCodec : std::false_type {};
template <class T>
struct HasCodec<T, std::void_t<decltype(Codec<T>::size(std::declval<const T&>()))>> : std::true_type {};
}  // namespace internal

/// What can be shuffled, cached, written and collected.
template <class T>
concept Element = internal::HasCodec<T>::value;

namespace internal {
template <class T>
struct OwnedType {
  using type = T;
};
template <>
struct OwnedType<std::string_view> {
  using type = std::string;
};
template <class T, std::size_t N>
struct OwnedType<std::span<const T, N>> {
  using type = std::vector<T>;
};
template <class A, class B>
struct OwnedType<std::pair<A, B>> {
  using type = std::pair<typename OwnedType<A>::type, typename OwnedType<B>::type>;
};
template <class... Ts>
struct OwnedType<std::tuple<Ts...>> {
  using type = std::tuple<typename OwnedType<Ts>::type...>;
};
template <class T>
struct OwnedType<std::optional<T>> {
  using type = std::optional<typename OwnedType<T>::type>;
};
template <class T>
struct OwnedType<std::vector<T>> {
  using type = std::vector<typename OwnedType<T>::type>;
};
}  // namespace internal

/// T with every view replaced by what owns its content: what actions return.
template <class T>
using Owned = typename internal::OwnedType<T>::type;

/// Copies what an element shows into a value that stands on its own. T and Owned<T> encode to the same bytes, except
/// that a span owns as a vector.
template <class T>
Owned<T> to_owned(const T& value) {
  if constexpr (std::is_same_v<T, Owned<T>>) {
    return value;
  } else if constexpr (internal::IsView<T>::value) {
    return Owned<T>(value.begin(), value.end());
  } else if constexpr (internal::IsTuple<T>::value) {
    return std::apply([](const auto&... v) { return Owned<T>(to_owned(v)...); }, value);
  } else if constexpr (requires { value.has_value(); }) {
    return value ? Owned<T>(to_owned(*value)) : Owned<T>();
  } else {
    Owned<T> out;
    out.reserve(value.size());
    for (const auto& v : value) out.push_back(to_owned(v));
    return out;
  }
}

/// Bytes being built: closures, results, plans.
class Encoder {
 public:
  template <class T>
  void put(const T& value) {
    const std::size_t before = bytes_.size();
    bytes_.resize(before + Codec<T>::size(value));
    Codec<T>::encode(value, bytes_.data() + before);
  }
  void append(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  std::size_t size() const { return bytes_.size(); }
  std::vector<std::byte> take() { return std::move(bytes_); }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads what an Encoder wrote. The bytes must outlive it and every view it gives.
class Decoder {
 public:
  explicit Decoder(std::span<const std::byte> bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  template <class T>
  T get() {
    return Codec<T>::decode(at_, end_);
  }
  bool done() const { return at_ == end_; }
  const std::byte*& at() { return at_; }
  const std::byte* end() const { return end_; }

 private:
  const std::byte* at_;
  const std::byte* end_;
};

}  // namespace millrace
