#pragma once

#include <bit>
#include <cstring>
#include <functional>

#include <millrace/internal/closure.h>
#include <millrace/internal/hash.h>
#include <millrace/internal/key_bytes.h>
#include <millrace/task.h>

// Orders of encoded records: the 64-bit prefix that most comparisons need, and the comparison behind it.

namespace millrace::internal {

inline std::uint64_t text_prefix(std::string_view text) {
  const ShortKey key = load_short(text.data(), text.size() < 8 ? text.size() : 8);
  return __builtin_bswap64(key.a);
}

/// The first 64 bits of K's natural order: a < b implies order_prefix(a) <= order_prefix(b).
template <class K>
std::uint64_t order_prefix(const K& key) {
  if constexpr (std::is_enum_v<K>) {
    return order_prefix(static_cast<std::underlying_type_t<K>>(key));
  } else if constexpr (std::is_integral_v<K> && sizeof(K) <= 8) {
    if constexpr (std::is_signed_v<K>) {
      return static_cast<std::uint64_t>(static_cast<std::int64_t>(key)) ^ (std::uint64_t{1} << 63);
    } else {
      return key;
    }
  } else if constexpr (std::is_same_v<K, double> || std::is_same_v<K, float>) {
    const double value = static_cast<double>(key) + 0.0;  // one zero
    const auto bits = std::bit_cast<std::uint64_t>(value);
    return (bits >> 63) != 0 ? ~bits : bits | (std::uint64_t{1} << 63);
  } else if constexpr (TextKey<K>) {
    return text_prefix(key);
  } else if constexpr (IsTuple<K>::value && !std::is_same_v<K, std::tuple<>>) {
    return order_prefix(std::get<0>(key));
  } else if constexpr (requires {
                         { key.order_prefix() } -> std::convertible_to<std::uint64_t>;
                       }) {
    return key.order_prefix();
  } else {
    return 0;
  }
}

/// Whether equal prefixes mean equal keys, so that no comparison is needed at all.
template <class K>
inline constexpr bool prefix_is_whole = (std::is_integral_v<K> && sizeof(K) <= 8) || std::is_enum_v<K>;

// What elements are ordered by.
struct Itself {
  template <class T>
  const T& operator()(const T& value) const {
    return value;
  }
};
struct First {
  template <class P>
  const auto& operator()(const P& pair) const {
    return pair.first;
  }
};

/// The natural order, ascending.
struct Ascending {
  template <class K>
  static std::uint64_t prefix(const K& key) {
    return order_prefix(key);
  }
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return a < b;
  }
};

/// The natural order, descending.
struct Descending {
  template <class K>
  static std::uint64_t prefix(const K& key) {
    return ~order_prefix(key);
  }
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return b < a;
  }
};

/// An order of the user's own: less(a, b). It may offer prefix(key) as well.
template <class F>
struct CustomOrder {
  Function<F> less;
  template <class K>
  std::uint64_t prefix(const K& key) {
    if constexpr (requires(F & f) {
                    { f.prefix(key) } -> std::convertible_to<std::uint64_t>;
                  }) {
      return less.get().prefix(key);
    } else {
      return 0;
    }
  }
  template <class A, class B>
  bool operator()(const A& a, const B& b) {
    return less.get()(a, b);
  }
};

/// Travels as the user's function does.
template <class F>
class Function<CustomOrder<F>> {
 public:
  explicit Function(CustomOrder<F> order) : order_(std::move(order)) {}
  CustomOrder<F>& get() { return order_; }
  void save(Encoder& out) const { order_.less.save(out); }
  static Function load(Decoder& in) { return Function(CustomOrder<F>{Function<F>::load(in)}); }
  std::span<const std::byte> bytes() const { return order_.less.bytes(); }

 private:
  CustomOrder<F> order_;
};

template <class Order>
auto wrap_order(Order order) {
  if constexpr (std::is_same_v<Order, Ascending> || std::is_same_v<Order, Descending>) {
    return order;
  } else {
    return CustomOrder<Order>{Function<Order>(std::move(order))};
  }
}

/// Negative, zero or positive, as RecordOrder wants it.
template <class T, class Less>
int three_way(const T& a, const T& b, Less& less) {
  return less(a, b) ? -1 : less(b, a) ? 1 : 0;
}

/// Elements ordered by the key that `KeyOf` takes out of them. Holds what the function pointers of RecordOrder need.
template <class T, class KeyOf, class Order>
struct ElementOrder {
  KeyOf* key_of;
  Order* order;

  RecordOrder record_order() const {
    RecordOrder out;
    out.compare = &compare;
    out.context = this;
    out.size = [](const std::byte* at, const std::byte* end) {
      const std::byte* const begin = at;
      Codec<T>::skip(at, end);
      return static_cast<std::size_t>(at - begin);
    };
    out.prefix = [](const std::byte* at, const std::byte* end, const void* context) -> std::uint64_t {
      const auto& self = *static_cast<const ElementOrder*>(context);
      const T element = Codec<T>::decode(at, end);
      return self.order->prefix((*self.key_of)(element));
    };
    return out;
  }

 private:
  static int compare(const std::byte* a, const std::byte* b, const void* context) {
    const auto& self = *static_cast<const ElementOrder*>(context);
    const T x = Codec<T>::decode(a, measured());
    const T y = Codec<T>::decode(b, measured());
    auto&& kx = (*self.key_of)(x);
    auto&& ky = (*self.key_of)(y);
    return three_way(kx, ky, *self.order);
  }
};

/// As ElementOrder, for References to elements.
template <class KeyOf, class Order>
struct ReferenceOrder {
  KeyOf* key_of;
  Order* order;

  RecordOrder record_order() const {
    RecordOrder out;
    out.references = true;
    out.compare = &compare;
    out.context = this;
    out.size = [](const std::byte*, const std::byte*) { return sizeof(Reference); };
    out.prefix = [](const std::byte* at, const std::byte*, const void*) { return load(at).prefix; };
    return out;
  }
  static Reference load(const std::byte* at) {
    Reference reference;
    std::memcpy(static_cast<void*>(&reference), at, sizeof reference);
    return reference;
  }

 private:
  static int compare(const std::byte* a, const std::byte* b, const void* context) {
    const auto& self = *static_cast<const ReferenceOrder*>(context);
    const std::string_view x = load(a).content();
    const std::string_view y = load(b).content();
    auto&& kx = (*self.key_of)(x);
    auto&& ky = (*self.key_of)(y);
    return three_way(kx, ky, *self.order);
  }
};

/// Encoded pairs grouped by key: the hash of the key, then its bytes; equal keys keep their order of arrival.
template <class K, class V>
struct HashOrder {
  static RecordOrder record_order() {
    RecordOrder out;
    out.compare = &compare;
    out.size = [](const std::byte* at, const std::byte* end) {
      const std::byte* const begin = at;
      Codec<std::pair<K, V>>::skip(at, end);
      return static_cast<std::size_t>(at - begin);
    };
    out.prefix = [](const std::byte* at, const std::byte* end, const void*) -> std::uint64_t {
      KeyBytes<K> bytes;
      const K key = Codec<K>::decode(at, end);
      return hash_bytes(bytes.of(key));
    };
    out.hashed = true;
    return out;
  }
  static int compare(const std::byte* a, const std::byte* b, const void*) {
    const K x = Codec<K>::decode(a, measured());
    const K y = Codec<K>::decode(b, measured());
    KeyBytes<K> bx;
    KeyBytes<K> by;
    return bx.of(x).compare(by.of(y));
  }
};

}  // namespace millrace::internal

namespace millrace {
/// The natural orders, for the operations that sort.
inline constexpr internal::Ascending ascending;
inline constexpr internal::Descending descending;
}  // namespace millrace
