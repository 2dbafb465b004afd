#pragma once

#include <millrace/internal/chain.h>
#include <millrace/internal/order.h>

// What a stage reads behind a sort.

namespace millrace::internal {

inline void take_blocks(TaskContext& task, std::uint32_t shuffle, std::uint32_t partition, RecordSorter& sorter) {
  auto blocks = task.open_shuffle(shuffle, partition);
  Block block;
  while (!task.stopped() && blocks->next(block)) sorter.add(std::move(block));
}

/// Has the processor bring what is referred to, or its beginning, into the cache. (Always inlined: compilers drop calls
/// of functions that do nothing else.)
__attribute__((always_inline)) inline void fetch(const Reference& reference) {
  constexpr std::uint64_t line = 64;
  const std::uint64_t size = reference.place & Reference::long_size;
  __builtin_prefetch(reference.address());
  __builtin_prefetch(reference.address() + (size < line ? size : line));
  __builtin_prefetch(reference.address() + (size < 2 * line ? size : 2 * line));
}

/// The elements of one range, in order. What was shuffled are the elements, or references to them.
template <class T, class KeyOf, class Order>
struct SortedRead {
  using element = T;
  std::uint32_t shuffle;
  Function<KeyOf> key_of;
  Function<Order> order;
  bool references = false;
  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    const ElementOrder<T, KeyOf, Order> element_order{&key_of.get(), &order.get()};
    RecordOrder record_order = element_order.record_order();
    if constexpr (std::is_same_v<T, std::string_view>) {
      const ReferenceOrder<KeyOf, Order> reference_order{&key_of.get(), &order.get()};
      if (references) record_order = reference_order.record_order();
      take(task, partition, record_order, sink);
    } else {
      take(task, partition, record_order, sink);
    }
  }
  void save(Encoder& out) const {
    out.put(shuffle);
    key_of.save(out);
    order.save(out);
    out.put(references);
  }
  static SortedRead load(Decoder& in) {
    const auto shuffle = in.get<std::uint32_t>();
    auto key_of = Function<KeyOf>::load(in);
    auto order = Function<Order>::load(in);
    return {shuffle, std::move(key_of), std::move(order), in.get<bool>()};
  }

 private:
  template <class Sink>
  void take(TaskContext& task, std::uint32_t partition, const RecordOrder& record_order, Sink& sink) {
    auto sorter = task.sorter(record_order);
    const auto fill = [&] { take_blocks(task, shuffle, partition, *sorter); };
    guarded(task, shuffle, fill);
    if constexpr (std::is_same_v<T, std::string_view>) {
      if (references) return take_references(task, *sorter, sink);
    }
    const std::byte* batch[16];  // few: the sorter has fetched them, and the cache holds no more than what comes next
    const auto next = [&] { return sorter->next(batch); };
    std::size_t count = 0;
    while (!task.stopped() && (count = guarded(task, shuffle, next)) != 0) {
      for (std::size_t i = 0; i < count; ++i) sink(Codec<T>::decode(batch[i], measured()));
      task.count_records(count);
    }
  }
  /// What the references stand for lies far apart: one element is fetched for each that is used, so that memory is as
  /// busy as the processor.
  template <class Sink>
  void take_references(TaskContext& task, RecordSorter& sorter, Sink& sink) {
    constexpr std::size_t ahead = 24;
    const std::byte* batch[1024];
    const auto load = [](const std::byte* at) { return ReferenceOrder<KeyOf, Order>::load(at); };
    const auto next = [&] { return sorter.next(batch); };
    std::size_t count = 0;
    while (!task.stopped() && (count = guarded(task, shuffle, next)) != 0) {
      for (std::size_t i = 0; i < count && i < ahead; ++i) fetch(load(batch[i]));
      for (std::size_t i = 0; i < count; ++i) {
        if (i + ahead < count) fetch(load(batch[i + ahead]));
        sink(load(batch[i]).content());
      }
      task.count_records(count);
    }
  }
};

}  // namespace millrace::internal
