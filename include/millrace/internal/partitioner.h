#pragma once

#include <algorithm>

#include <millrace/internal/closure.h>
#include <millrace/internal/order.h>

// Which partition of a shuffle an element goes to.

namespace millrace::internal {

/// By the hash of the pair's key.
template <class K>
struct HashPartitioner {
  std::uint32_t partitions;
  KeyBytes<K> bytes{};
  template <class T>
  std::uint32_t operator()(const T& pair) {
    return partition_of(hash_bytes(bytes.of(pair.first)), partitions);
  }
  void save(Encoder& out) const { out.put(partitions); }
  static HashPartitioner load(Decoder& in) { return {in.get<std::uint32_t>()}; }
};

/// By the hash of the whole element.
template <class T>
struct ContentPartitioner {
  std::uint32_t partitions;
  KeyBytes<T> bytes{};
  std::uint32_t operator()(const T& element) { return partition_of(hash_bytes(bytes.of(element)), partitions); }
  void save(Encoder& out) const { out.put(partitions); }
  static ContentPartitioner load(Decoder& in) { return {in.get<std::uint32_t>()}; }
};

/// By a function of the user: f(key, partitions) or f(key); the result is taken modulo the number of partitions.
template <class F>
struct CustomPartitioner {
  std::uint32_t partitions;
  Function<F> f;
  template <class T>
  std::uint32_t operator()(const T& pair) {
    if constexpr (std::is_invocable_v<F&, decltype(pair.first), std::uint32_t>) {
      return static_cast<std::uint32_t>(static_cast<std::uint64_t>(f.get()(pair.first, partitions)) % partitions);
    } else {
      return static_cast<std::uint32_t>(static_cast<std::uint64_t>(f.get()(pair.first)) % partitions);
    }
  }
  void save(Encoder& out) const {
    out.put(partitions);
    f.save(out);
  }
  static CustomPartitioner load(Decoder& in) {
    const auto partitions = in.get<std::uint32_t>();
    return {partitions, Function<F>::load(in)};
  }
};

/// By ranges of the key's order: partition p holds the keys k with bounds[p-1] <= k < bounds[p].
template <class T, class KeyOf, class Order>
class RangePartitioner {
 public:
  using Key = Owned<std::remove_cvref_t<std::invoke_result_t<KeyOf&, const T&>>>;
  RangePartitioner(Function<KeyOf> key_of, Function<Order> order, std::vector<Key> bounds)
      : key_of_(std::move(key_of)), order_(std::move(order)), bounds_(std::move(bounds)) {
    for (const Key& bound : bounds_) prefixes_.push_back(order_.get().prefix(bound));
  }
  std::uint32_t operator()(const T& element) { return place(element).first; }
  /// The element's partition, and the prefix of its key.
  std::pair<std::uint32_t, std::uint64_t> place(const T& element) {
    auto&& key = key_of_.get()(element);
    const std::uint64_t prefix = order_.get().prefix(key);
    // Bounds whose prefix is not greater: halving without a branch, which could not be foretold.
    const std::uint64_t* first = prefixes_.data();
    for (std::size_t count = prefixes_.size(); count != 0;) {
      const std::size_t half = (count + 1) / 2;
      first += half & (0 - std::size_t{first[half - 1] <= prefix});  // of a condition, compilers make a branch
      count -= half;
    }
    auto partition = static_cast<std::uint32_t>(first - prefixes_.data());
    while (partition != 0 && prefixes_[partition - 1] == prefix && order_.get()(key, bounds_[partition - 1])) {
      --partition;
    }
    return {partition, prefix};
  }
  void save(Encoder& out) const {
    key_of_.save(out);
    order_.save(out);
    out.put(bounds_);
  }
  static RangePartitioner load(Decoder& in) {
    auto key_of = Function<KeyOf>::load(in);
    auto order = Function<Order>::load(in);
    return RangePartitioner(std::move(key_of), std::move(order), in.get<std::vector<Key>>());
  }

 private:
  Function<KeyOf> key_of_;
  Function<Order> order_;
  std::vector<Key> bounds_;
  std::vector<std::uint64_t> prefixes_;
};

}  // namespace millrace::internal
