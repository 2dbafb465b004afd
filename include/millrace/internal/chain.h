#pragma once

#include <cstring>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <millrace/internal/closure.h>
#include <millrace/internal/held.h>
#include <millrace/task.h>

// Chains: the operations between two stage boundaries as one type, so that the compiler makes one loop of them.
//
// A chain is a value with
//   using element = ...;                                                 what it gives, as the next function takes it
//   template <class Sink> void run(TaskContext&, std::uint32_t partition, Sink& sink);
//   void save(Encoder&) const;  static Chain load(Decoder&);             its closures as bytes
// run() calls sink(element&&) for each element of the partition, in order. An element that is a view is valid until
// the sink returns.

namespace millrace::internal {

/// Calls a function of the user; when it throws, the operation is named in the task's failure.
template <class F, class... Args>
decltype(auto) guarded(TaskContext& task, std::uint32_t node, F& f, Args&&... args) {
  if constexpr (std::is_nothrow_invocable_v<F&, Args...>) {
    return std::invoke(f, std::forward<Args>(args)...);
  } else {
    try {
      return std::invoke(f, std::forward<Args>(args)...);
    } catch (...) {
      task.blame(node);
      throw;
    }
  }
}

/// The records of one buffer, each through the rest of the pipeline. A failure names the record it happened on, or,
/// where that is allowed, leaves the record out. `next(at)` cuts the record that begins at `at` and moves `at` behind
/// it; `deliver(record)` runs it. Returns how many there were. The pipeline's code stands here once: it is most of a
/// job's.
template <class Next, class Deliver>
std::uint64_t run_records(TaskContext& task, std::string_view buffer, Next next, Deliver deliver) {
  const char* at = buffer.data();
  const char* const end = at + buffer.size();
  const char* begin = at;
  std::string_view record;
  const bool skipping = task.may_skip();
  std::uint64_t delivered = 0;
  std::uint64_t count = 0;
  while (at != end) {
    try {
      do {
        begin = at;
        record = next(at, end);
        if (skipping) [[unlikely]] {
          task.at_record(begin);
          delivered = task.delivered();
          if (task.is_known_bad(record)) continue;
        }
        deliver(record);
        ++count;
      } while (at != end);
    } catch (...) {
      task.at_record(begin);
      if (!skipping || task.delivered() != delivered) throw;
      task.skip_record(record);
    }
  }
  return count;
}

// ---- sources ----------------------------------------------------------------------------------------------------

/// Lines of text, without their newline.
struct TextSource {
  using element = std::string_view;
  static constexpr bool gives_input = true;
  static constexpr bool joins_splits = true;
  std::uint32_t node;

  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto input = task.open_source(node, partition);
    std::string_view buffer;
    while (!task.stopped() && input->next(buffer)) task.count_records(run_records(task, buffer, line, std::ref(sink)));
  }
  /// Whole buffers of lines, for functions that look at many lines at once; single lines where a failure has to be
  /// blamed on one.
  template <class Sink>
  void run_buffers(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto input = task.open_source(node, partition);
    std::string_view buffer;
    const bool by_line = task.may_skip() || task.attempt() != 0;
    const auto next = [by_line](const char*& at, const char* end) {
      if (by_line) return line(at, end);
      const char* const begin = std::exchange(at, end);
      return std::string_view(begin, static_cast<std::size_t>(end - begin));
    };
    while (!task.stopped() && input->next(buffer)) {
      const std::uint64_t count = run_records(task, buffer, next, std::ref(sink));
      if (by_line) task.count_records(count);
    }
  }
  void save(Encoder& out) const { out.put(node); }
  static TextSource load(Decoder& in) { return {in.get<std::uint32_t>()}; }

 private:
  static std::string_view line(const char*& at, const char* end) {
    const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    const char* const begin = at;
    const char* const stop = newline != nullptr ? newline : end;
    at = newline != nullptr ? newline + 1 : end;
    return {begin, static_cast<std::size_t>(stop - begin)};
  }
};

/// Fixed-size records as objects (T trivially copyable) or, for T = std::string_view, as their bytes.
template <class T>
struct RecordSource {
  using element = std::conditional_t<std::is_same_v<T, std::string_view>, std::string_view, const T&>;
  static constexpr bool gives_input = std::is_same_v<T, std::string_view>;
  static constexpr bool joins_splits = true;
  std::uint32_t node;
  std::uint64_t record_bytes;

  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto input = task.open_source(node, partition);
    std::string_view buffer;
    const auto cut = [this](const char*& at, const char*) {
      constexpr std::size_t ahead = 1024;  // no reader has brought what is mapped into the cache
      __builtin_prefetch(at + ahead);
      at += record_bytes;
      return std::string_view(at - record_bytes, record_bytes);
    };
    const auto deliver = [this, &sink](std::string_view record) { with(record.data(), sink); };
    while (!task.stopped() && input->next(buffer)) task.count_records(run_records(task, buffer, cut, deliver));
  }
  void save(Encoder& out) const {
    out.put(node);
    out.put(record_bytes);
  }
  static RecordSource load(Decoder& in) {
    const auto node = in.get<std::uint32_t>();
    return {node, in.get<std::uint64_t>()};
  }

 private:
  template <class Sink>
  void with(const char* at, Sink&& sink) {
    if constexpr (std::is_same_v<T, std::string_view>) {
      sink(std::string_view(at, record_bytes));
    } else if constexpr (alignof(T) == 1) {
      sink(*std::launder(reinterpret_cast<const T*>(at)));
    } else {
      const auto* bytes = reinterpret_cast<const std::byte*>(at);
      const T record = Codec<T>::decode(bytes, bytes + sizeof(T));
      sink(record);
    }
  }
};

/// Elements in the encoded form: shuffled, cached, spilled, or from record files.
template <class T, class Sink>
void decode_all(TaskContext& task, BlockStream& blocks, Sink& sink) {
  Block block;
  while (!task.stopped() && blocks.next(block)) {
    const std::byte* at = block.bytes.data();
    const std::byte* const end = at + block.bytes.size();
    std::uint64_t count = 0;
    while (at != end) {
      sink(Codec<T>::decode(at, end));
      ++count;
    }
    task.count_records(count);
  }
}

/// Adapts a BufferInput (the blocks of a record file) to blocks.
class BufferBlocks : public BlockStream {
 public:
  explicit BufferBlocks(std::unique_ptr<BufferInput> input) : input_(std::move(input)) {}
  bool next(Block& block) override {
    std::string_view buffer;
    if (!input_->next(buffer)) return false;
    block.bytes = std::as_bytes(std::span(buffer.data(), buffer.size()));
    return true;
  }

 private:
  std::unique_ptr<BufferInput> input_;
};

/// Millrace's own record files, and values that the driver holds (parallelize): encoded elements.
template <class T>
struct EncodedSource {
  using element = T;
  std::uint32_t node;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    BufferBlocks blocks(task.open_source(node, partition));
    decode_all<T>(task, blocks, sink);
  }
  void save(Encoder& out) const { out.put(node); }
  static EncodedSource load(Decoder& in) { return {in.get<std::uint32_t>()}; }
};

/// Pairs (path, content).
struct WholeFileSource {
  using element = std::pair<std::string_view, std::string_view>;
  std::uint32_t node;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto input = task.open_source(node, partition);
    std::string_view content;
    while (!task.stopped() && input->next(content)) {
      const auto whole = [](const char*& at, const char* end) {
        const char* const begin = at;
        at = end;
        return std::string_view(begin, static_cast<std::size_t>(end - begin));
      };
      const auto deliver = [&](std::string_view text) { sink(element(task.input_path(), text)); };
      if (content.empty()) deliver(content);  // an empty file is a record too
      task.count_records(run_records(task, content, whole, deliver));
    }
  }
  void save(Encoder& out) const { out.put(node); }
  static WholeFileSource load(Decoder& in) { return {in.get<std::uint32_t>()}; }
};

/// f(0), f(1), … f(n-1), cut into ranges of indices.
template <class F>
struct GenerateSource {
  using element = std::invoke_result_t<F&, std::uint64_t>;
  std::uint32_t node;
  Function<F> f;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    Decoder range(task.source_split(node, partition));
    std::uint64_t at = range.get<std::uint64_t>();
    const auto end = range.get<std::uint64_t>();
    while (at != end && !task.stopped()) {
      const std::uint64_t stop = std::min<std::uint64_t>(end, at + 4096);
      task.count_records(stop - at);
      for (; at != stop; ++at) sink(guarded(task, node, f.get(), at));
    }
  }
  void save(Encoder& out) const {
    out.put(node);
    f.save(out);
  }
  static GenerateSource load(Decoder& in) {
    const auto node = in.get<std::uint32_t>();
    return {node, Function<F>::load(in)};
  }
};

/// Whose elements are views of the input where it lies.
template <class Chain>
concept GivesInput = Chain::gives_input;

/// Whose elements come from one source and do not depend on which split of it they lie in.
template <class Chain>
concept JoinsSplits = Chain::joins_splits;

// ---- narrow operations ------------------------------------------------------------------------------------------

template <class Chain, class F>
struct Map {
  using element = std::invoke_result_t<F&, typename Chain::element>;
  static constexpr bool joins_splits = JoinsSplits<Chain>;
  Chain chain;
  Function<F> f;
  std::uint32_t node;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto inner = [to = held<element>(sink), &task, this](auto&& x) {
      to(guarded(task, node, f.get(), std::forward<decltype(x)>(x)));
    };
    chain.run(task, partition, inner);
  }
  void save(Encoder& out) const {
    chain.save(out);
    f.save(out);
    out.put(node);
  }
  static Map load(Decoder& in) {
    auto chain = Chain::load(in);
    auto f = Function<F>::load(in);
    return {std::move(chain), std::move(f), in.get<std::uint32_t>()};
  }
};

template <class Chain, class F>
struct Filter {
  using element = typename Chain::element;
  static constexpr bool joins_splits = JoinsSplits<Chain>;
  Chain chain;
  Function<F> f;
  std::uint32_t node;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto inner = [&](auto&& x) {
      const std::remove_reference_t<decltype(x)>& seen = x;
      if (guarded(task, node, f.get(), seen)) sink(std::forward<decltype(x)>(x));
    };
    chain.run(task, partition, inner);
  }
  void save(Encoder& out) const {
    chain.save(out);
    f.save(out);
    out.put(node);
  }
  static Filter load(Decoder& in) {
    auto chain = Chain::load(in);
    auto f = Function<F>::load(in);
    return {std::move(chain), std::move(f), in.get<std::uint32_t>()};
  }
};

/// A function that may be given many lines at once, newlines included: it says so with
/// `static constexpr bool whole_buffers = true`.
template <class F>
concept WholeBuffers = F::whole_buffers;

template <class Chain>
concept GivesBuffers = requires(Chain& chain, TaskContext& task, void (&sink)(std::string_view)) {
  chain.run_buffers(task, 0, sink);
};

/// f(x, emit) calls emit(y) for each element it makes.
template <class Chain, class F, class T>
struct FlatMap {
  using element = T;
  static constexpr bool joins_splits = JoinsSplits<Chain>;
  Chain chain;
  Function<F> f;
  std::uint32_t node;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto emit = [to = held<T>(sink)](auto&& y) { to(std::forward<decltype(y)>(y)); };
    auto inner = [&](auto&& x) { guarded(task, node, f.get(), std::forward<decltype(x)>(x), emit); };
    if constexpr (GivesBuffers<Chain> && WholeBuffers<F>) {
      chain.run_buffers(task, partition, inner);
    } else {
      chain.run(task, partition, inner);
    }
  }
  void save(Encoder& out) const {
    chain.save(out);
    f.save(out);
    out.put(node);
  }
  static FlatMap load(Decoder& in) {
    auto chain = Chain::load(in);
    auto f = Function<F>::load(in);
    return {std::move(chain), std::move(f), in.get<std::uint32_t>()};
  }
};

/// f(x) returns a range.
template <class Chain, class F>
struct FlatMapRange {
  using Range = std::invoke_result_t<F&, typename Chain::element>;
  using element = std::remove_cvref_t<decltype(*std::begin(std::declval<Range&>()))>;
  static constexpr bool joins_splits = JoinsSplits<Chain>;
  Chain chain;
  Function<F> f;
  std::uint32_t node;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto inner = [&](auto&& x) {
      Range range = guarded(task, node, f.get(), std::forward<decltype(x)>(x));
      for (auto&& y : range) {
        if constexpr (std::is_reference_v<Range>) {
          sink(y);
        } else {
          sink(std::move(y));
        }
      }
    };
    chain.run(task, partition, inner);
  }
  void save(Encoder& out) const {
    chain.save(out);
    f.save(out);
    out.put(node);
  }
  static FlatMapRange load(Decoder& in) {
    auto chain = Chain::load(in);
    auto f = Function<F>::load(in);
    return {std::move(chain), std::move(f), in.get<std::uint32_t>()};
  }
};

/// What map_partitions gives to its function: the elements of one partition, to be gone through once.
template <class Chain>
class PartitionElements {
 public:
  PartitionElements(Chain& chain, TaskContext& task, std::uint32_t partition)
      : chain_(chain), task_(task), partition_(partition) {}
  std::uint32_t index() const { return partition_; }
  template <class Visit>
  void for_each(Visit&& visit) {
    const bool skipping = task_.may_skip();
    auto counted = [&](auto&& x) {
      visit(std::forward<decltype(x)>(x));
      if (skipping) [[unlikely]]
        task_.deliver();
    };
    chain_.run(task_, partition_, counted);
  }

 private:
  Chain& chain_;
  TaskContext& task_;
  std::uint32_t partition_;
};

/// f(partition, emit) with partition.for_each(visit).
template <class Chain, class F, class T>
struct MapPartitions {
  using element = T;
  Chain chain;
  Function<F> f;
  std::uint32_t node;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto emit = [&](auto&& y) { sink(std::forward<decltype(y)>(y)); };
    PartitionElements<Chain> elements(chain, task, partition);
    guarded(task, node, f.get(), elements, emit);
  }
  void save(Encoder& out) const {
    chain.save(out);
    f.save(out);
    out.put(node);
  }
  static MapPartitions load(Decoder& in) {
    auto chain = Chain::load(in);
    auto f = Function<F>::load(in);
    return {std::move(chain), std::move(f), in.get<std::uint32_t>()};
  }
};

/// The partitions of A, then those of B.
template <class A, class B>
struct Union {
  using element = std::remove_cvref_t<typename A::element>;
  A a;
  B b;
  std::uint32_t a_partitions;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    if (partition < a_partitions) {
      a.run(task, partition, sink);
    } else {
      b.run(task, partition - a_partitions, sink);
    }
  }
  void save(Encoder& out) const {
    a.save(out);
    b.save(out);
    out.put(a_partitions);
  }
  static Union load(Decoder& in) {
    auto a = A::load(in);
    auto b = B::load(in);
    return {std::move(a), std::move(b), in.get<std::uint32_t>()};
  }
};

/// Fewer partitions, each a run of neighbours, without a shuffle.
template <class Chain>
struct Coalesce {
  using element = typename Chain::element;
  Chain chain;
  std::uint32_t from;
  std::uint32_t to;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    const auto first = static_cast<std::uint32_t>(std::uint64_t{partition} * from / to);
    const auto last = static_cast<std::uint32_t>((std::uint64_t{partition} + 1) * from / to);
    for (std::uint32_t i = first; i < last && !task.stopped(); ++i) chain.run(task, i, sink);
  }
  void save(Encoder& out) const {
    chain.save(out);
    out.put(from);
    out.put(to);
  }
  static Coalesce load(Decoder& in) {
    auto chain = Chain::load(in);
    const auto from = in.get<std::uint32_t>();
    return {std::move(chain), from, in.get<std::uint32_t>()};
  }
};

/// Writes one element of type T to a shuffle, a cache or a result. A view and what owns its content have one encoding.
template <class T, class V>
void put_element(ShuffleWriter& writer, std::uint32_t partition, const V& value) {
  if constexpr (std::is_same_v<T, V> || std::is_same_v<T, Owned<V>>) {
    std::byte* at = writer.room(partition, Codec<V>::size(value));
    writer.wrote(partition, Codec<V>::encode(value, at));
  } else {
    put_element<T, T>(writer, partition, T(value));
  }
}

/// Every pair of an element of A's partition and one of B's. B's partition is written out once and read again for each
/// batch of A's, so neither has to fit in memory.
template <class A, class B>
struct Cartesian {
  using First = std::remove_cvref_t<typename A::element>;
  using Second = std::remove_cvref_t<typename B::element>;
  using element = std::pair<First, Second>;
  A a;
  B b;
  std::uint32_t b_partitions;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto kept = task.spill_writer(1);
    auto keep = [&](auto&& y) { put_element<Second>(*kept, 0, y); };
    b.run(task, partition % b_partitions, keep);
    kept->finish();
    auto pair_up = [&](auto&& x) {
      auto blocks = task.read_spill(*kept, 0);
      auto emit = [&](Second&& y) { sink(element(First(x), std::move(y))); };
      decode_all<Second>(task, *blocks, emit);
    };
    a.run(task, partition / b_partitions, pair_up);
  }
  void save(Encoder& out) const {
    a.save(out);
    b.save(out);
    out.put(b_partitions);
  }
  static Cartesian load(Decoder& in) {
    auto a = A::load(in);
    auto b = B::load(in);
    return {std::move(a), std::move(b), in.get<std::uint32_t>()};
  }
};

/// Pairs each element with its position in the whole dataset; `starts` are the positions of the partitions.
template <class Chain>
struct Indexed {
  using element = std::pair<std::remove_cvref_t<typename Chain::element>, std::uint64_t>;
  Chain chain;
  std::vector<std::uint64_t> starts;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    std::uint64_t position = starts[partition];
    auto inner = [&](auto&& x) { sink(element(std::forward<decltype(x)>(x), position++)); };
    chain.run(task, partition, inner);
  }
  void save(Encoder& out) const {
    chain.save(out);
    out.put(starts);
  }
  static Indexed load(Decoder& in) {
    auto chain = Chain::load(in);
    return {std::move(chain), in.get<std::vector<std::uint64_t>>()};
  }
};

/// Keeps each element with probability `fraction`, decided by the seed, the partition and its place in it.
template <class Chain>
struct Sample {
  using element = typename Chain::element;
  Chain chain;
  std::uint64_t threshold;
  std::uint64_t seed;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    std::uint64_t state = seed * 0x9e3779b97f4a7c15 + partition;
    auto inner = [&](auto&& x) {
      if (next(state) < threshold) sink(std::forward<decltype(x)>(x));
    };
    chain.run(task, partition, inner);
  }
  // splitmix64, Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
  static std::uint64_t next(std::uint64_t& state) {
    std::uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  void save(Encoder& out) const {
    chain.save(out);
    out.put(threshold);
    out.put(seed);
  }
  static Sample load(Decoder& in) {
    auto chain = Chain::load(in);
    const auto threshold = in.get<std::uint64_t>();
    return {std::move(chain), threshold, in.get<std::uint64_t>()};
  }
};

/// A chain behind a function pointer: what a Dataset<T> of a named type holds. Costs one indirect call an element.
template <class T>
struct Erased {
  using element = T;
  using Call = void (*)(TaskContext&, std::uint32_t partition, std::span<const std::byte> closure, void* sink,
                        void (*put)(void* sink, T&& element));
  std::uint64_t code = 0;
  std::vector<std::byte> closure;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    const auto call = reinterpret_cast<Call>(const_cast<void*>(code_address(code)));
    call(task, partition, closure, &sink, [](void* to, T&& x) { (*static_cast<Sink*>(to))(std::move(x)); });
  }
  void save(Encoder& out) const {
    out.put(code);
    out.put(closure);
  }
  static Erased load(Decoder& in) {
    const auto code = in.get<std::uint64_t>();
    return {code, in.get<std::vector<std::byte>>()};
  }
};

/// The function that an Erased<T> points to.
template <class T, class Chain>
void run_erased(TaskContext& task, std::uint32_t partition, std::span<const std::byte> closure, void* sink,
                void (*put)(void* sink, T&& element)) {
  Decoder in(closure);
  Chain chain = Chain::load(in);
  auto inner = [&](auto&& x) {
    if constexpr (std::is_same_v<T, std::remove_cvref_t<typename Chain::element>>) {
      T value(std::forward<decltype(x)>(x));
      put(sink, std::move(value));
    } else {
      T value = to_owned(x);
      put(sink, std::move(value));
    }
  };
  chain.run(task, partition, inner);
}

/// Reads the partition from the cache, or computes it and keeps it there.
template <class Chain>
struct Cached {
  using Stored = std::remove_cvref_t<typename Chain::element>;
  using element = Stored;
  Chain chain;
  std::uint32_t node;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    if (auto blocks = task.cached(node, partition)) return decode_all<Stored>(task, *blocks, sink);
    auto writer = task.cache_writer(node, partition);
    if (writer == nullptr) return chain.run(task, partition, sink);
    auto keep = [&](auto&& x) {
      put_element<Stored>(*writer, 0, x);
      sink(std::forward<decltype(x)>(x));
    };
    chain.run(task, partition, keep);
    if (task.stopped()) return;  // the partition is not whole
    writer->finish();
    task.keep_cached(node, partition, std::move(writer));
  }
  void save(Encoder& out) const {
    chain.save(out);
    out.put(node);
  }
  static Cached load(Decoder& in) {
    auto chain = Chain::load(in);
    return {std::move(chain), in.get<std::uint32_t>()};
  }
};

}  // namespace millrace::internal
