#pragma once

#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <millrace/codec.h>

#include "jobs/sort_key/sort_key.h"

namespace millrace {

namespace jobs {

/// How lines are ordered: sort(1)'s -k, its global ordering options, -t, and not -s.
struct LineSort {
  std::vector<SortKey> keys;
  KeyOrdering global;
  std::optional<char> separator;
  bool last_resort = true;  ///< lines with equal keys go by all their bytes

  /// Whole lines by their bytes, perhaps the last one first.
  bool is_plain() const {
    KeyOrdering forward = global;
    forward.reverse = false;
    return keys.empty() && forward.is_default();
  }
};

/// An order with what it was made of, so that it can be made again in another process.
struct KeyedOrder {
  LineSort sort;
  LineOrder compare{sort.keys, sort.global, sort.separator, sort.last_resort};
};
}  // namespace jobs

template <>
struct Codec<jobs::KeyedOrder> {
  using Fields = std::tuple<std::vector<jobs::SortKey>, jobs::KeyOrdering, std::optional<char>, bool>;
  static Fields fields(const jobs::KeyedOrder& order) {
    return {order.sort.keys, order.sort.global, order.sort.separator, order.sort.last_resort};
  }
  static std::size_t size(const jobs::KeyedOrder& order) { return Codec<Fields>::size(fields(order)); }
  static std::byte* encode(const jobs::KeyedOrder& order, std::byte* out) {
    return Codec<Fields>::encode(fields(order), out);
  }
  static jobs::KeyedOrder decode(const std::byte*& at, const std::byte* end) {
    auto [keys, global, separator, last_resort] = Codec<Fields>::decode(at, end);
    return {{std::move(keys), global, separator, last_resort}};
  }
  static void skip(const std::byte*& at, const std::byte* end) { Codec<Fields>::skip(at, end); }
};

}  // namespace millrace
