#pragma once

#include <millrace/internal/aggregate_table.h>
#include <millrace/internal/chain.h>
#include <millrace/internal/order.h>
#include <millrace/internal/partitioner.h>
#include <millrace/internal/sorted_read.h>

// Both sides of the stage boundaries: what the last operation of a stage does with its elements (terminals), and the
// chains that read them in the next stage.

namespace millrace::internal {

/// The code of a stage: what a task runs, whichever process it is in.
template <class Chain, class Terminal>
void run_stage(TaskContext& task) {
  Decoder in(task.closure());
  Chain chain = Chain::load(in);
  Terminal terminal = Terminal::load(in);
  terminal.run(task, chain);
}

/// Sends every element to the driver, in order.
template <class T>
struct CollectTerminal {
  template <class Chain>
  void run(TaskContext& task, Chain& chain) {
    ShuffleWriter& out = task.output();
    auto sink = [&](auto&& x) {
      put_element<T>(out, 0, x);
      if (task.may_skip()) task.deliver();
    };
    chain.run(task, task.partition(), sink);
  }
  void save(Encoder&) const {}
  static CollectTerminal load(Decoder&) { return {}; }
};

/// Sends every element to the partition that the partitioner names.
template <class T, class Partitioner>
struct ScatterTerminal {
  Partitioner partitioner;
  template <class Chain>
  void run(TaskContext& task, Chain& chain) {
    ShuffleWriter& out = task.output();
    auto sink = [&](auto&& x) {
      const T& element = x;
      put_element<T>(out, partitioner(element), element);
      if (task.may_skip()) task.deliver();
    };
    chain.run(task, task.partition(), sink);
  }
  void save(Encoder& out) const { partitioner.save(out); }
  static ScatterTerminal load(Decoder& in) { return {Partitioner::load(in)}; }
};

/// Sends references to the elements, which lie in memory, to the partitions of their ranges.
template <class RangePartitioner>
struct ReferTerminal {
  RangePartitioner partitioner;
  template <class Chain>
  void run(TaskContext& task, Chain& chain) {
    ShuffleWriter& out = task.output();
    auto sink = [&](std::string_view element) {
      const auto [partition, prefix] = partitioner.place(element);
      put_element<Reference>(out, partition, Reference(prefix, element));
    };
    chain.run(task, task.partition(), sink);
  }
  void save(Encoder& out) const { partitioner.save(out); }
  static ReferTerminal load(Decoder& in) { return {RangePartitioner::load(in)}; }
};

/// Combined values between the two sides of an aggregation: as their codec has them, but for unsigned numbers, which
/// are mostly small counts and take as many bytes as they need.
template <class C>
struct CombinedCodec : Codec<C> {};
template <class C>
requires(std::is_unsigned_v<C> && sizeof(C) >= 4) struct CombinedCodec<C> {
  static std::size_t size(C value) { return length_size(value); }
  static std::byte* encode(C value, std::byte* out) { return encode_length(value, out); }
  static C decode(const std::byte*& at, const std::byte* end) { return static_cast<C>(decode_length(at, end)); }
};

// ---- aggregation by key -------------------------------------------------------------------------------------------

/// Whether folding by f gives the same to the last bit, whatever the order and the grouping of the values: sums of
/// whole numbers do.
template <class V, class F>
inline constexpr bool is_exact = std::is_integral_v<V> &&
                                 (std::is_same_v<F, std::plus<>> || std::is_same_v<F, std::plus<V>>);

/// reduce_by_key: the combined value has the type of the values.
template <class V, class F>
struct ReduceCombiner {
  using input = V;
  using combined = V;
  static constexpr bool exact = is_exact<V, F>;
  Function<F> f;
  V create(V&& value) { return std::move(value); }
  void add(V& into, V&& value) { into = f.get()(std::move(into), std::move(value)); }
  void merge(V& into, V&& value) { into = f.get()(std::move(into), std::move(value)); }
  void save(Encoder& out) const { f.save(out); }
  static ReduceCombiner load(Decoder& in) { return {Function<F>::load(in)}; }
};

/// into = f(into, value), or f(into, value) where that changes `into` and gives nothing.
template <class F, class C, class V>
void fold_into(F& f, C& into, V&& value) {
  if constexpr (std::is_invocable_v<F&, C&, V> && std::is_void_v<std::invoke_result_t<F&, C&, V>>) {
    f(into, std::forward<V>(value));
  } else {
    into = f(std::move(into), std::forward<V>(value));
  }
}

template <class C, class F, class V>
C folded(C start, F& f, V&& value) {
  fold_into(f, start, std::forward<V>(value));
  return start;
}

/// combine_by_key and what is built on it. An owned input type: a view would not outlive the batch.
template <class V, class C, class Create, class Add, class Merge>
struct GeneralCombiner {
  using input = V;
  using combined = C;
  static constexpr bool exact = false;
  Function<Create> create_f;
  Function<Add> add_f;
  Function<Merge> merge_f;
  C create(V&& value) { return create_f.get()(std::move(value)); }
  void add(C& into, V&& value) { fold_into(add_f.get(), into, std::move(value)); }
  void merge(C& into, C&& value) { fold_into(merge_f.get(), into, std::move(value)); }
  void save(Encoder& out) const {
    create_f.save(out);
    add_f.save(out);
    merge_f.save(out);
  }
  static GeneralCombiner load(Decoder& in) {
    auto create = Function<Create>::load(in);
    auto add = Function<Add>::load(in);
    return {std::move(create), std::move(add), Function<Merge>::load(in)};
  }
};

/// The reduce side folds combined values into combined values.
template <class Combiner>
struct MergingCombiner {
  using input = typename Combiner::combined;
  using combined = typename Combiner::combined;
  Combiner inner;
  combined create(input&& value) { return std::move(value); }
  void add(combined& into, input&& value) { inner.merge(into, std::move(value)); }
};

/// Runs a chain of pairs into a table on the map side. `send` sends what is in the table, when it is full and at the
/// end.
template <class K, class Chain, class Table, class Send>
void combine_pairs(TaskContext& task, Chain& chain, Table& table, Send& send) {
  KeyBytes<K> bytes;
  const bool skipping = task.may_skip();
  auto empty = [&] {
    send();
    table.clear();
  };
  auto sink = [&task, &table, &bytes, &empty, skipping](auto&& pair) {
    // A record that fails in the combiner has been taken into the table, so another try has to leave it out.
    if (skipping) task.deliver();
    table.template add<KeyBytes<K>::fixed>(bytes.of(pair.first), std::forward<decltype(pair)>(pair).second, empty);
    if (skipping) [[unlikely]]
      table.flush(empty);
  };
  chain.run(task, task.partition(), sink);
  table.flush(empty);
  send();
}

/// Combines on the map side, and sends each partition's combined pairs whenever the table has to be emptied.
template <class K, class Combiner>
struct AggregateTerminal {
  using C = typename Combiner::combined;
  std::uint32_t partitions;
  Combiner combiner;

  template <class Chain>
  void run(TaskContext& task, Chain& chain) {
    ShuffleWriter& out = task.output();
    AggregateTable<C, Combiner> table(task, combiner, scattered);
    auto send = [&] {
      constexpr std::size_t more = encoded_room;
      constexpr std::size_t many = 65536;  // they fill several buffers of any size, whose last is a small part
      if (table.size() / partitions < many) expect_sizes(table, out, more);
      table.visit([&](auto& slot) {
        const std::uint32_t to = partition_of(slot.hash(), partitions);
        const std::size_t size = Codec<std::string_view>::size(slot.bytes()) + CombinedCodec<C>::size(slot.value());
        std::byte* at = slot.encode_key(out.room(to, size + more));
        out.wrote(to, CombinedCodec<C>::encode(slot.value(), at));
      });
    };
    if constexpr (Combiner::exact && JoinsSplits<Chain>) task.read_more_splits();
    combine_pairs<K>(task, chain, table, send);
  }
  void save(Encoder& out) const {
    out.put(partitions);
    combiner.save(out);
  }
  static AggregateTerminal load(Decoder& in) {
    const auto partitions = in.get<std::uint32_t>();
    return {partitions, Combiner::load(in)};
  }

 private:
  void expect_sizes(AggregateTable<C, Combiner>& table, ShuffleWriter& out, std::size_t more) const {
    std::vector<std::size_t> sizes(partitions, more);
    table.visit([&](auto& slot) {
      sizes[partition_of(slot.hash(), partitions)] +=
          Codec<std::string_view>::size(slot.bytes()) + CombinedCodec<C>::size(slot.value());
    });
    out.expect(sizes);
  }
};

/// Walks (key bytes, C) records that were written in (hash, key) order.
template <class C>
class AggregateRun {
 public:
  AggregateRun(std::unique_ptr<BlockStream> blocks, std::uint64_t spread)
      : blocks_(std::move(blocks)), spread_(spread) {}
  bool next() {
    while (at_ == end_) {
      if (!blocks_->next(block_)) return false;
      at_ = block_.bytes.data();
      end_ = at_ + block_.bytes.size();
    }
    key = Codec<std::string_view>::decode(at_, end_);
    hash = hash_bytes(key) * spread_;
    value.emplace(CombinedCodec<C>::decode(at_, end_));
    return true;
  }
  bool before(const AggregateRun& other) const { return hash != other.hash ? hash < other.hash : key < other.key; }
  std::string_view key;
  std::uint64_t hash = 0;
  std::optional<C> value;

 private:
  std::unique_ptr<BlockStream> blocks_;
  std::uint64_t spread_;
  Block block_;
  const std::byte* at_ = nullptr;
  const std::byte* end_ = nullptr;
};

/// The reduced pairs of one partition, in the order of (hash of the key, key).
template <class K, class Combiner>
struct AggregateRead {
  using C = typename Combiner::combined;
  using element = std::pair<K, C>;
  std::uint32_t shuffle;
  std::uint32_t partitions;
  Combiner combiner;

  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    Reduction reduction(task, combiner, partitions, shuffle);
    const auto fill = [&] { reduction.fill(partition); };
    guarded(task, shuffle, fill);
    if (task.stopped()) return;
    if (!reduction.runs.empty()) {
      reduction.merge(&sink, [](void* to, element&& x) { (*static_cast<Sink*>(to))(std::move(x)); });
      return;
    }
    reduction.table.visit_in_order(
        [&](auto& slot) { sink(element(KeyBytes<K>::key(slot.bytes()), std::move(slot.value()))); });
  }
  void save(Encoder& out) const {
    out.put(shuffle);
    out.put(partitions);
    combiner.save(out);
  }
  static AggregateRead load(Decoder& in) {
    const auto shuffle = in.get<std::uint32_t>();
    const auto partitions = in.get<std::uint32_t>();
    return {shuffle, partitions, Combiner::load(in)};
  }

 private:
  /// What does not depend on what comes after, so that its code is made once for all uses of the dataset.
  struct Reduction {
    TaskContext& task;
    Combiner combiner;
    std::uint32_t partitions;
    std::uint32_t shuffle;
    AggregateTable<C, MergingCombiner<Combiner>> table;
    std::vector<std::unique_ptr<ShuffleWriter>> runs;

    Reduction(TaskContext& of, const Combiner& by, std::uint32_t count, std::uint32_t from)
        : task(of), combiner(by), partitions(count), shuffle(from), table(of, {by}, count) {}

    static void put_pair(ShuffleWriter& out, std::string_view key, const C& value) {
      std::byte* at = out.room(0, Codec<std::string_view>::size(key) + CombinedCodec<C>::size(value));
      at = Codec<std::string_view>::encode(key, at);
      out.wrote(0, CombinedCodec<C>::encode(value, at));
    }

    void operator()() {  // called by the table when it is full
      if (table.size() == 0) return;
      auto writer = task.spill_writer(1);
      table.visit_in_order([&](auto& slot) { put_pair(*writer, slot.bytes(), slot.value()); });
      writer->finish();
      runs.push_back(std::move(writer));
      table.clear();
    }

    void fill(std::uint32_t partition) {
      auto blocks = task.open_shuffle(shuffle, partition);
      Block block;
      while (!task.stopped() && blocks->next(block)) {
        const std::byte* at = block.bytes.data();
        const std::byte* const end = at + block.bytes.size();
        std::uint64_t count = 0;
        while (at != end) {
          const std::string_view key = Codec<std::string_view>::decode(at, end);
          table.template add<KeyBytes<K>::fixed>(key, CombinedCodec<C>::decode(at, end), *this);
          ++count;
        }
        task.count_records(count);
      }
      table.flush(*this);
    }

    void merge(void* sink, void (*put)(void* sink, element&&)) {
      (*this)();
      // Each open run holds a block, so only so many are merged at once.
      const std::size_t fan_in = task.merge_fan_in();
      while (runs.size() > fan_in) {
        auto writer = task.spill_writer(1);
        merge_runs(fan_in, [&](std::string_view key, C&& value) { put_pair(*writer, key, value); });
        writer->finish();
        runs.erase(runs.begin(), runs.begin() + static_cast<std::ptrdiff_t>(fan_in));
        runs.push_back(std::move(writer));
      }
      merge_runs(runs.size(),
                 [&](std::string_view key, C&& value) { put(sink, element(KeyBytes<K>::key(key), std::move(value))); });
    }

    /// Visits the keys of the first `count` runs in order, each once.
    template <class Visit>
    void merge_runs(std::size_t count, Visit visit) {
      std::vector<std::unique_ptr<AggregateRun<C>>> heap;
      const auto after = [](const auto& a, const auto& b) { return b->before(*a); };
      for (std::size_t i = 0; i < count; ++i) {
        auto run = std::make_unique<AggregateRun<C>>(task.read_spill(*runs[i], 0), partitions);
        if (run->next()) heap.push_back(std::move(run));
      }
      std::make_heap(heap.begin(), heap.end(), after);
      std::string key;
      while (!heap.empty() && !task.stopped()) {
        key = heap.front()->key;
        std::optional<C> value;
        while (!heap.empty() && heap.front()->key == key) {
          std::pop_heap(heap.begin(), heap.end(), after);
          AggregateRun<C>& run = *heap.back();
          if (value) {
            const auto join = [&] { combiner.merge(*value, std::move(*run.value)); };
            guarded(task, shuffle, join);
          } else {
            value.emplace(std::move(*run.value));
          }
          if (run.next()) {
            std::push_heap(heap.begin(), heap.end(), after);
          } else {
            heap.pop_back();
          }
        }
        visit(key, std::move(*value));
      }
    }
  };
};

// ---- reading a shuffle ------------------------------------------------------------------------------------------

/// The elements as they were sent, in the order of the map tasks.
template <class T>
struct ShuffleRead {
  using element = T;
  std::uint32_t shuffle;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto blocks = task.open_shuffle(shuffle, partition);
    decode_all<T>(task, *blocks, sink);
  }
  void save(Encoder& out) const { out.put(shuffle); }
  static ShuffleRead load(Decoder& in) { return {in.get<std::uint32_t>()}; }
};

/// One record after the other out of a sorter.
class SortedRecords {
 public:
  explicit SortedRecords(std::unique_ptr<RecordSorter> sorter) : sorter_(std::move(sorter)) {}
  /// The current record, or null at the end.
  const std::byte* peek() {
    if (at_ == count_) {
      count_ = sorter_->next(batch_);
      at_ = 0;
      if (count_ == 0) return nullptr;
    }
    return batch_[at_];
  }
  void pop() { ++at_; }

 private:
  std::unique_ptr<RecordSorter> sorter_;
  const std::byte* batch_[256] = {};
  std::size_t at_ = 0;
  std::size_t count_ = 0;
};

}  // namespace millrace::internal
