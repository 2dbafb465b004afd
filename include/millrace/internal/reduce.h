#pragma once

#include <millrace/internal/wide.h>

// Both sides of the shuffle of map_reduce(): partitioners of keys, combining map-side ends, and the chain that gives
// the groups of a partition in the order of their keys.

namespace millrace::internal {

/// The values of a key as they arrive: in the order of the input.
struct AsTheyCome {};

/// Calls an emitter with what the user gave: an element, or the two parts of a pair.
template <class T, class Sink>
struct Emit {
  Sink& sink;
  template <class X>
  void operator()(X&& x) const {
    if constexpr (std::is_same_v<std::remove_cvref_t<X>, T>) {
      sink(std::forward<X>(x));
    } else {
      sink(T(std::forward<X>(x)));
    }
  }
  template <class A, class B>
  void operator()(A&& a, B&& b) const {
    sink(T(std::forward<A>(a), std::forward<B>(b)));
  }
};

// ---- partitioners of keys ---------------------------------------------------------------------------------------

/// By the hash of the key, or of the part of it that groups.
template <class K, class Group>
struct GroupHash {
  using Part = std::remove_cvref_t<std::invoke_result_t<Group&, const K&>>;
  std::uint32_t partitions;
  Function<Group> group;
  KeyBytes<Part> bytes{};
  std::uint32_t operator()(const K& key) {
    const Part& part = group.get()(key);
    return partition_of(hash_bytes(bytes.of(part)), partitions);
  }
  void save(Encoder& out) const {
    out.put(partitions);
    group.save(out);
  }
  static GroupHash load(Decoder& in) {
    const auto partitions = in.get<std::uint32_t>();
    return {partitions, Function<Group>::load(in)};
  }
};

/// By a function of the user, f(key) or f(key, partitions): a number is taken modulo the number of partitions, anything
/// else is hashed.
template <class K, class F>
struct UserPartition {
  std::uint32_t partitions;
  Function<F> f;
  std::uint32_t operator()(const K& key) {
    if constexpr (std::is_invocable_v<F&, const K&, std::uint32_t>) {
      return place(f.get()(key, partitions));
    } else {
      return place(f.get()(key));
    }
  }
  void save(Encoder& out) const {
    out.put(partitions);
    f.save(out);
  }
  static UserPartition load(Decoder& in) {
    const auto partitions = in.get<std::uint32_t>();
    return {partitions, Function<F>::load(in)};
  }

 private:
  template <class R>
  std::uint32_t place(const R& result) const {
    if constexpr (std::is_integral_v<R> || std::is_enum_v<R>) {
      return static_cast<std::uint32_t>(static_cast<std::uint64_t>(result) % partitions);
    } else {
      KeyBytes<R> bytes;
      return partition_of(hash_bytes(bytes.of(result)), partitions);
    }
  }
};

/// Pairs by a partitioner of their keys.
template <class Partitioner>
struct OfKey {
  Partitioner of_key;
  template <class P>
  std::uint32_t operator()(const P& pair) {
    return of_key(pair.first);
  }
  void save(Encoder& out) const { of_key.save(out); }
  static OfKey load(Decoder& in) { return {Partitioner::load(in)}; }
};

// ---- the order in which a partition is reduced --------------------------------------------------------------------

/// Encoded pairs by the part of the key that groups, then by the key, then by the value where an order of values is
/// wanted; what is equal stays in the order of arrival. Group is Itself when a group is the pairs of equal keys.
template <class K, class V, class Group, class KeyOrder, class ValueOrder>
struct PairOrder {
  static constexpr bool by_part = !std::is_same_v<Group, Itself>;
  static constexpr bool by_value = !std::is_same_v<ValueOrder, AsTheyCome>;
  static constexpr bool natural = std::is_same_v<KeyOrder, Ascending> || std::is_same_v<KeyOrder, Descending>;
  Group* group;
  KeyOrder* key_order;
  ValueOrder* value_order;

  RecordOrder record_order() const {
    RecordOrder out;
    out.context = this;
    if constexpr (by_part || by_value || !natural || !prefix_is_whole<K>) out.compare = &compare;
    out.size = [](const std::byte* at, const std::byte* end) {
      const std::byte* const begin = at;
      Codec<std::pair<K, V>>::skip(at, end);
      return static_cast<std::size_t>(at - begin);
    };
    out.prefix = [](const std::byte* at, const std::byte* end, const void* context) -> std::uint64_t {
      const auto& self = *static_cast<const PairOrder*>(context);
      const K key = Codec<K>::decode(at, end);
      if constexpr (by_part) {
        return order_prefix((*self.group)(key));
      } else {
        return self.key_order->prefix(key);
      }
    };
    return out;
  }

  /// Whether two keys are of one group: their parts are equal, or neither key comes before the other.
  bool same_group(const K& a, const K& b) const {
    if constexpr (by_part) {
      return (*group)(a) == (*group)(b);
    } else if constexpr (natural && requires { a == b; }) {
      return a == b;
    } else {
      return !(*key_order)(a, b) && !(*key_order)(b, a);
    }
  }

 private:
  static int compare(const std::byte* a, const std::byte* b, const void* context) {
    const auto& self = *static_cast<const PairOrder*>(context);
    const K x = Codec<K>::decode(a, measured());
    const K y = Codec<K>::decode(b, measured());
    if constexpr (by_part) {
      std::less<> less;
      const int parts = three_way((*self.group)(x), (*self.group)(y), less);
      if (parts != 0) return parts;
    }
    const int keys = three_way(x, y, *self.key_order);
    if (keys != 0) return keys;
    if constexpr (by_value) {
      const V v = Codec<V>::decode(a, measured());
      const V w = Codec<V>::decode(b, measured());
      return three_way(v, w, *self.value_order);
    }
    return 0;
  }
};

}  // namespace millrace::internal

namespace millrace {

/// The values of one group, as a reduce function gets them: gone through once, in order, without holding them all.
/// Values that are views are valid until the next one is taken.
///
///   for (std::uint64_t count : counts) sum += count;
template <class K, class V, class Order>
class ReduceValues {
 public:
  ReduceValues(internal::SortedRecords& records, const K& first, const Order& order)
      : records_(records), first_(first), order_(order) {}

  /// The next value. False after the last of the group.
  bool next(V& value) {
    if (!advance()) return false;
    value = std::move(*value_);
    return true;
  }
  template <class Visit>
  void for_each(Visit&& visit) {
    while (advance()) visit(std::move(*value_));
  }
  /// The whole key of the value that was taken last: with group_by() it may change from value to value.
  const K& key() const { return *key_; }

  class Iterator {
   public:
    using value_type = V;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(ReduceValues* values) : values_(values) {}
    V& operator*() const { return *values_->value_; }
    Iterator& operator++() {
      if (!values_->advance()) values_ = nullptr;
      return *this;
    }
    bool operator==(const Iterator& other) const { return values_ == other.values_; }

   private:
    ReduceValues* values_;
  };
  /// Takes the next value: what was taken before is not given again.
  Iterator begin() { return advance() ? Iterator(this) : end(); }
  Iterator end() { return Iterator(nullptr); }

  /// Goes past what is left of the group.
  void drop() {
    while (advance()) {
    }
  }

 private:
  bool advance() {
    if (taken_) {
      taken_ = false;
      records_.pop();
    }
    const std::byte* at = records_.peek();
    if (at == nullptr) return false;
    key_.emplace(Codec<K>::decode(at, internal::measured()));
    if (!order_.same_group(first_, *key_)) return false;
    value_.emplace(Codec<V>::decode(at, internal::measured()));
    taken_ = true;
    return true;
  }

  internal::SortedRecords& records_;
  const K& first_;
  const Order& order_;
  std::optional<K> key_;
  std::optional<V> value_;
  bool taken_ = false;  // the current record was given out and waits to be dropped
};

}  // namespace millrace

namespace millrace::internal {

/// Calls visit(key, values) for each group of sorted pairs, in order. The key is the group's first one.
template <class K, class V, class Order, class Visit>
void for_each_group(TaskContext& task, SortedRecords& records, const Order& order, Visit&& visit) {
  std::vector<std::byte> first;  // a copy: the record goes as soon as the values after it are asked for
  while (!task.stopped()) {
    const std::byte* const record = records.peek();
    if (record == nullptr) return;
    const std::byte* end = record;
    Codec<K>::skip(end, measured());
    first.assign(record, end);
    const std::byte* at = first.data();
    const K key = Codec<K>::decode(at, at + first.size());
    ReduceValues<K, V, Order> values(records, key, order);
    visit(key, values);
    values.drop();
  }
}

// ---- the map side's ends --------------------------------------------------------------------------------------------

/// Folds the values of equal keys by f(value, value) in a table, and sends what it holds whenever it is full.
template <class K, class V, class F, class Partitioner>
struct FoldingTerminal {
  using C = Owned<V>;
  ReduceCombiner<C, F> combiner;
  Partitioner partitioner;

  template <class Chain>
  void run(TaskContext& task, Chain& chain) {
    ShuffleWriter& out = task.output();
    AggregateTable<C, ReduceCombiner<C, F>> table(task, combiner, 1);
    auto send = [&] {
      table.visit([&](auto& slot) {
        const K key = KeyBytes<K>::key(slot.bytes());
        const std::uint32_t to = partitioner(key);
        std::byte* at = out.room(to, Codec<K>::size(key) + Codec<C>::size(slot.value()));
        at = Codec<K>::encode(key, at);
        out.wrote(to, Codec<C>::encode(slot.value(), at));
      });
    };
    combine_pairs<K>(task, chain, table, send);
  }
  void save(Encoder& out) const {
    combiner.save(out);
    partitioner.save(out);
  }
  static FoldingTerminal load(Decoder& in) {
    auto combiner = ReduceCombiner<C, F>::load(in);
    return {std::move(combiner), Partitioner::load(in)};
  }
};

/// Combines by a function of the form of reduce, f(key, values, emit): sorts as many pairs as a buffer holds, and sends
/// what f makes of their groups.
template <class K, class V, class F, class KeyOrder, class Partitioner>
struct CombiningTerminal {
  using Order = PairOrder<K, V, Itself, KeyOrder, AsTheyCome>;
  Function<F> f;
  Function<KeyOrder> key_order;
  Partitioner partitioner;

  template <class Chain>
  void run(TaskContext& task, Chain& chain) {
    Pages pages;
    std::byte* at = nullptr;
    auto sink = [&](auto&& pair) {
      const K key(std::forward<decltype(pair)>(pair).first);
      const V value(std::forward<decltype(pair)>(pair).second);
      const std::size_t size = Codec<K>::size(key) + Codec<V>::size(value);
      if (static_cast<std::size_t>(pages.data() + pages.size() - at) < size) {
        combine(task, {pages.data(), at});
        if (pages.size() < size || !pages) pages = buffer(task, size);
        at = pages.data();
      }
      at = Codec<V>::encode(value, Codec<K>::encode(key, at));
      if (task.may_skip()) task.deliver();
    };
    chain.run(task, task.partition(), sink);
    combine(task, {pages.data(), at});
  }
  void save(Encoder& out) const {
    f.save(out);
    key_order.save(out);
    partitioner.save(out);
  }
  static CombiningTerminal load(Decoder& in) {
    auto f = Function<F>::load(in);
    auto key_order = Function<KeyOrder>::load(in);
    return {std::move(f), std::move(key_order), Partitioner::load(in)};
  }

 private:
  static Pages buffer(TaskContext& task, std::size_t least) {
    for (std::size_t size = std::size_t{16} << 20; size > std::max(least, std::size_t{1} << 20); size /= 2) {
      if (Pages pages = task.try_pages(size)) return pages;
    }
    return task.pages(std::max(least, std::size_t{1} << 18));
  }

  void combine(TaskContext& task, std::span<const std::byte> pairs) {
    if (pairs.empty()) return;
    const Order order{nullptr, &key_order.get(), nullptr};
    auto sorter = task.sorter(order.record_order());
    sorter->add(Block{nullptr, pairs});
    SortedRecords records(std::move(sorter));
    ShuffleWriter& out = task.output();
    for_each_group<K, V>(task, records, order, [&](const K& key, auto& values) {
      auto send = [&](const auto& pair) { put_element<std::pair<K, V>>(out, partitioner(pair.first), pair); };
      auto emit = CombineEmit<decltype(send)>{key, send};
      f.get()(key, values, emit);
    });
  }

  /// emit(value) keeps the key.
  template <class Send>
  struct CombineEmit {
    const K& key;
    Send& send;
    template <class X>
    void operator()(X&& value) const {
      send(std::pair<K, V>(key, std::forward<X>(value)));
    }
    template <class A, class B>
    void operator()(A&& other_key, B&& value) const {
      send(std::pair<K, V>(std::forward<A>(other_key), std::forward<B>(value)));
    }
  };
};

// ---- the reduce side ------------------------------------------------------------------------------------------------

/// f(key, values, emit) for each group of a partition, in the order of the keys.
template <class K, class V, class Group, class KeyOrder, class ValueOrder, class F, class T>
struct ReduceRead {
  using element = T;
  std::uint32_t shuffle;
  Function<Group> group;
  Function<KeyOrder> key_order;
  Function<ValueOrder> value_order;
  Function<F> f;
  std::uint32_t node;

  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    using Order = PairOrder<K, V, Group, KeyOrder, ValueOrder>;
    const Order order{&group.get(), &key_order.get(), &value_order.get()};
    auto sorter = task.sorter(order.record_order());
    take_blocks(task, shuffle, partition, *sorter);
    SortedRecords records(std::move(sorter));
    Emit<T, Sink> emit{sink};
    std::uint64_t groups = 0;
    const bool skipping = task.may_skip();
    for_each_group<K, V>(task, records, order, [&](const K& key, auto& values) {
      const std::uint64_t delivered = task.delivered();
      try {
        guarded(task, node, f.get(), key, values, emit);
      } catch (...) {
        if (!skipping || task.delivered() != delivered) throw;
        KeyBytes<K> bytes;
        task.skip_record(bytes.of(key));
      }
      ++groups;
    });
    task.count_records(groups);
  }
  void save(Encoder& out) const {
    out.put(shuffle);
    group.save(out);
    key_order.save(out);
    value_order.save(out);
    f.save(out);
    out.put(node);
  }
  static ReduceRead load(Decoder& in) {
    const auto shuffle = in.get<std::uint32_t>();
    auto group = Function<Group>::load(in);
    auto key_order = Function<KeyOrder>::load(in);
    auto value_order = Function<ValueOrder>::load(in);
    auto f = Function<F>::load(in);
    return {shuffle,      std::move(group),       std::move(key_order), std::move(value_order),
            std::move(f), in.get<std::uint32_t>()};
  }
};

}  // namespace millrace::internal
