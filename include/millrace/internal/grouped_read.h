#pragma once

#include <millrace/internal/sorted_read.h>

// What a stage reads behind group_by_key, cogroup and the joins.

namespace millrace::internal {

/// One record after the other out of a sorter by HashOrder, with where the next key begins.
class GroupedRecords {
 public:
  explicit GroupedRecords(std::unique_ptr<RecordSorter> sorter) : sorter_(std::move(sorter)) {}
  /// The current record, or null at the end.
  const std::byte* peek() {
    if (at_ == count_) {
      count_ = sorter_->next_grouped(batch_, begins_);
      at_ = 0;
      if (count_ == 0) return nullptr;
    }
    return batch_[at_];
  }
  /// Whether the current record has another key than the one before it.
  bool begins() const { return begins_[at_]; }
  void pop() { ++at_; }

 private:
  std::unique_ptr<RecordSorter> sorter_;
  const std::byte* batch_[256] = {};
  bool begins_[256] = {};
  std::size_t at_ = 0;
  std::size_t count_ = 0;
};

/// The values of the group that begins at the current record, to be gone through once, in order of arrival.
template <class K, class V>
class GroupValues {
 public:
  explicit GroupValues(GroupedRecords& records) : records_(records) {}
  /// Gives the next value. Returns false after the last of the group. A view is valid until the next call.
  bool next(V& value) {
    if (done_) return false;
    if (started_) records_.pop();
    const std::byte* at = records_.peek();
    if (at == nullptr || (started_ && records_.begins())) {
      done_ = true;
      return false;
    }
    started_ = true;
    const std::byte* const end = measured();
    Codec<K>::skip(at, end);
    value = Codec<V>::decode(at, end);
    return true;
  }
  template <class Visit>
  void for_each(Visit&& visit) {
    V value{};
    while (next(value)) visit(std::move(value));
  }
  /// Passes over those that were not taken.
  void drop() {
    V rest{};
    while (next(rest)) {
    }
  }

 private:
  GroupedRecords& records_;
  bool started_ = false;  // the current record was given out and waits to be dropped
  bool done_ = false;
};

/// What was shuffled to the partition, grouped by key.
template <class K, class V>
GroupedRecords grouped(TaskContext& task, std::uint32_t shuffle, std::uint32_t partition) {
  auto sorter = task.sorter(HashOrder<K, V>::record_order());
  take_blocks(task, shuffle, partition, *sorter);
  return GroupedRecords(std::move(sorter));
}

/// Takes the next group's key; false at the end.
template <class K, class V>
bool peek_key(GroupedRecords& records, std::uint64_t& hash, std::string& key) {
  const std::byte* at = records.peek();
  if (at == nullptr) return false;
  KeyBytes<K> bytes;
  const K decoded = Codec<K>::decode(at, measured());
  key = bytes.of(decoded);
  hash = hash_bytes(key);
  return true;
}

/// f(key, values, emit) for each group of a hash-partitioned shuffle, in the order of (hash of the key, key).
template <class K, class V, class F, class T>
struct GroupedRead {
  using element = T;
  std::uint32_t shuffle;
  Function<F> f;
  std::uint32_t node;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto records = grouped<K, V>(task, shuffle, partition);
    auto emit = [&](auto&& y) { sink(std::forward<decltype(y)>(y)); };
    std::uint64_t hash = 0;
    std::string key;
    while (!task.stopped() && peek_key<K, V>(records, hash, key)) {
      GroupValues<K, V> values(records);
      guarded(task, node, f.get(), KeyBytes<K>::key(key), values, emit);
      values.drop();
      task.count_records(1);
    }
  }
  void save(Encoder& out) const {
    out.put(shuffle);
    f.save(out);
    out.put(node);
  }
  static GroupedRead load(Decoder& in) {
    const auto shuffle = in.get<std::uint32_t>();
    auto f = Function<F>::load(in);
    return {shuffle, std::move(f), in.get<std::uint32_t>()};
  }
};

/// f(key, left values, right values, emit) for each key of either side, in the order of (hash of the key, key).
template <class K, class V, class W, class F, class T>
struct CogroupRead {
  using element = T;
  std::uint32_t left;
  std::uint32_t right;
  Function<F> f;
  std::uint32_t node;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto lefts = grouped<K, V>(task, left, partition);
    auto rights = grouped<K, W>(task, right, partition);
    auto emit = [&](auto&& y) { sink(std::forward<decltype(y)>(y)); };
    std::uint64_t lh = 0;
    std::uint64_t rh = 0;
    std::string lk;
    std::string rk;
    bool has_left = peek_key<K, V>(lefts, lh, lk);
    bool has_right = peek_key<K, W>(rights, rh, rk);
    while ((has_left || has_right) && !task.stopped()) {
      const int side = !has_right ? -1 : !has_left ? 1 : lh != rh ? (lh < rh ? -1 : 1) : lk.compare(rk);
      const std::string& key = side <= 0 ? lk : rk;
      GroupValues<K, V> left_values(lefts);
      GroupValues<K, W> right_values(rights);
      Side<K, V> l{left_values, side <= 0};
      Side<K, W> r{right_values, side >= 0};
      guarded(task, node, f.get(), KeyBytes<K>::key(key), l, r, emit);
      l.drop();
      r.drop();
      task.count_records(1);
      if (side <= 0) has_left = peek_key<K, V>(lefts, lh, lk);
      if (side >= 0) has_right = peek_key<K, W>(rights, rh, rk);
    }
  }
  void save(Encoder& out) const {
    out.put(left);
    out.put(right);
    f.save(out);
    out.put(node);
  }
  static CogroupRead load(Decoder& in) {
    const auto left = in.get<std::uint32_t>();
    const auto right = in.get<std::uint32_t>();
    auto f = Function<F>::load(in);
    return {left, right, std::move(f), in.get<std::uint32_t>()};
  }

  /// One side's values of the current key; empty when the key is on the other side only.
  template <class Key, class Value>
  struct Side {
    GroupValues<Key, Value>& values;
    bool present;
    bool next(Value& value) { return present && values.next(value); }
    void drop() {
      if (present) values.drop();
    }
  };
};

/// The right values of one key, held to be gone through once for each left value; beyond a megabyte they go where
/// spilled blocks go, so that a key of any weight can be joined.
template <class W>
class HeldValues {
 public:
  HeldValues(TaskContext& task) : task_(task) {}
  template <class Side>
  void fill(Side& side) {
    bytes_.clear();
    spilled_.reset();
    W value{};
    while (side.next(value)) {
      if (bytes_.size() > limit && spilled_ == nullptr) spilled_ = task_.spill_writer(1);
      if (spilled_ != nullptr) {
        put_element<W>(*spilled_, 0, value);
        continue;
      }
      const std::size_t before = bytes_.size();
      bytes_.resize(before + Codec<W>::size(value));
      Codec<W>::encode(value, bytes_.data() + before);
    }
    if (spilled_ != nullptr) spilled_->finish();
  }
  bool empty() const { return bytes_.empty(); }
  template <class Visit>
  void for_each(Visit&& visit) {
    const std::byte* at = bytes_.data();
    const std::byte* const end = at + bytes_.size();
    while (at != end) visit(Codec<W>::decode(at, end));
    if (spilled_ == nullptr) return;
    auto blocks = task_.read_spill(*spilled_, 0);
    decode_all<W>(task_, *blocks, visit);
  }

 private:
  static constexpr std::size_t limit = std::size_t{1} << 20;
  TaskContext& task_;
  std::vector<std::byte> bytes_;
  std::unique_ptr<ShuffleWriter> spilled_;
};

}  // namespace millrace::internal
