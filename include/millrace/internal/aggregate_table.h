#pragma once

#include <algorithm>
#include <memory>
#include <new>

#include <millrace/internal/hash.h>
#include <millrace/internal/key_bytes.h>
#include <millrace/task.h>

namespace millrace::internal {

/// Memory that a value holds outside of itself, roughly; the table counts it against the task's share.
template <class T>
std::size_t heap_bytes(const T& value) {
  if constexpr (std::is_trivially_copyable_v<T>) {
    return 0;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value.capacity() > 15 ? value.capacity() + 16 : 0;
  } else if constexpr (requires {
                         value.capacity();
                         typename T::value_type;
                       }) {
    std::size_t bytes = value.capacity() * sizeof(typename T::value_type) + 16;
    if constexpr (!std::is_trivially_copyable_v<typename T::value_type>) bytes += value.size() * 32;
    return bytes;
  } else if constexpr (requires {
                         value.size();
                         typename T::value_type;
                       }) {
    return value.size() * (sizeof(typename T::value_type) + 48);
  } else if constexpr (IsTuple<T>::value) {
    return std::apply([](const auto&... v) { return (std::size_t{0} + ... + heap_bytes(v)); }, value);
  } else {
    return Codec<T>::size(value);
  }
}

/// A hash table from keys to combined values, kept nearly in the order of the hash: the slot of a key is the top of
/// its hash, with linear probing and no wrap-around. So partitions are contiguous, and ordered() leaves exact (hash,
/// key) order after a local pass.
///
/// Keys of up to 16 bytes lie in the slot; longer ones lie in an arena. Insertions are gathered in batches whose slots
/// are prefetched: the cost of a table larger than the caches is latency, and a batch overlaps it.
///
/// `C` is the combined value. `Combiner` offers create(V), add(C&, V) and merge(C&, C).
/// The table belongs to one task. Its memory comes from the task's share; when add() cannot have more, it calls the
/// `full` callable given to it, which must take everything out with drain().
template <class C, class Combiner>
class AggregateTable {
 public:
  /// `spread` maps the hash to the position in this table: the hash times it, modulo 2^64. With 1 the table covers all
  /// hashes; with the number of partitions it covers one partition's range.
  AggregateTable(TaskContext& task, Combiner combiner, std::uint64_t spread)
      : task_(task), combiner_(combiner), spread_(spread) {}
  AggregateTable(const AggregateTable&) = delete;
  AggregateTable& operator=(const AggregateTable&) = delete;
  ~AggregateTable() {
    clear_values();
    while (pending_begin_ != pending_count_) std::destroy_at(&pending_[pending_begin_++].input());
    task_.release(reserved_);
  }

  static constexpr std::size_t encoded_room = sizeof(ShortKey);

  /// A key and what to fold into its value, through `fold(C&)` for a present key and `make()` for a new one.
  struct Slot {
    ShortKey key;  // the bytes, or for long keys the address in the arena and the hash
    std::uint32_t length;
    std::uint32_t tag;  // the hash's low half with the lowest bit set; 0 means free
    alignas(C) std::byte raw[sizeof(C)];
    C& value() { return *std::launder(reinterpret_cast<C*>(raw)); }
    const C& value() const { return *std::launder(reinterpret_cast<const C*>(raw)); }
    std::string_view bytes() const {
      if (length <= 16) return {reinterpret_cast<const char*>(&key), length};
      return {reinterpret_cast<const char*>(key.a), length};
    }
    std::uint64_t hash() const { return length <= 16 ? hash_short(key, length) : key.b; }
    /// As Codec<std::string_view> encodes bytes(); short keys by two stores, so encoded_room bytes more are needed.
    std::byte* encode_key(std::byte* out) const {
      if (length > 16) return Codec<std::string_view>::encode(bytes(), out);
      *out++ = static_cast<std::byte>(length);
      std::memcpy(out, &key, sizeof key);
      return out + length;
    }
  };

  /// Adds one record; V is whatever Combiner::create and add take. The key's bytes are copied before this returns.
  template <std::size_t Fixed, class V, class Full>
  void add(std::string_view key, V&& value, Full& full) {
    using Stored = std::remove_cvref_t<V>;
    static_assert(std::is_same_v<Stored, typename Combiner::input>);
    Pending& pending = pending_[pending_count_];
    std::uint64_t hash;
    if (Fixed != 0 || key.size() <= 16) {
      pending.key = load_short(key.data(), Fixed != 0 ? Fixed : key.size());
      hash = hash_short(pending.key, Fixed != 0 ? Fixed : key.size());
    } else {
      hash = hash_long(key.data(), key.size());
      pending.key.a = long_keys_.size();
      pending.key.b = hash;
      long_keys_.insert(long_keys_.end(), key.begin(), key.end());
    }
    pending.length = static_cast<std::uint32_t>(key.size());
    pending.hash = hash;
    new (pending.raw) Stored(std::forward<V>(value));
    if (capacity_ != 0) __builtin_prefetch(slots_ + index_of(hash), 1);
    if (++pending_count_ == batch) flush(full);
  }

  /// Folds the pending records in. Called by add() and before anything is read.
  template <class Full>
  void flush(Full& full) {
    if (size_ + batch > grow_at_ && !grow()) {
      full();  // drains the table, whose slots stay
      if (size_ + batch > grow_at_ && !grow()) throw_no_room();
    }
    if constexpr (std::is_trivially_destructible_v<typename Combiner::input>) {
      for (std::size_t i = 0; i < pending_count_; ++i) insert(pending_[i]);
    } else {
      while (pending_begin_ != pending_count_) {
        Pending& pending = pending_[pending_begin_++];
        const EndOfInput end{pending};  // the combiner may throw
        insert(pending);
      }
      pending_begin_ = 0;
    }
    pending_count_ = 0;
    long_keys_.clear();
    if (arena_full_) {
      arena_full_ = false;
      full();
    }
  }

  std::size_t size() const { return size_; }

  /// Puts the slots into (hash, key) order; then they can be visited but nothing can be added before clear().
  void order() {
    std::size_t i = 0;
    while (i < used_end()) {
      if (slots_[i].tag == 0) {
        ++i;
        continue;
      }
      std::size_t end = i + 1;
      while (slots_[end].tag != 0) ++end;  // the slot after the last is always free
      order_cluster(i, end);
      i = end;
    }
  }

  /// Visits every slot in table order.
  template <class Visit>
  void visit(Visit&& visit) {
    const std::size_t end = used_end();
    for (std::size_t i = 0; i < end; ++i) {
      if (slots_[i].tag != 0) visit(slots_[i]);
    }
  }

  void clear() {
    task_.saw_keys(size_);
    clear_values();
    if (capacity_ != 0) std::memset(static_cast<void*>(slots_), 0, (capacity_ + overflow) * sizeof(Slot));
    size_ = 0;
    arena_.clear();
    arena_at_ = arena_end_ = nullptr;
    task_.release(reserved_);
    reserved_ = 0;
  }

 private:
  static constexpr std::size_t batch = 32;
  static constexpr std::size_t overflow = 256;  // slots past the last index, since probing does not wrap
  static constexpr std::size_t arena_chunk = std::size_t{256} << 10;

  struct Pending {
    ShortKey key;
    std::uint64_t hash;
    std::uint32_t length;
    alignas(typename Combiner::input) std::byte raw[sizeof(typename Combiner::input)];
    typename Combiner::input& input() { return *std::launder(reinterpret_cast<typename Combiner::input*>(raw)); }
  };
  struct EndOfInput {
    Pending& pending;
    ~EndOfInput() { std::destroy_at(&pending.input()); }
  };

  std::size_t index_of(std::uint64_t hash) const { return static_cast<std::size_t>((hash * spread_) >> shift_); }
  std::size_t used_end() const { return capacity_ == 0 ? 0 : capacity_ + overflow - 1; }

  void insert(Pending& pending) {
    const auto tag = static_cast<std::uint32_t>(pending.hash) | 1;
    const bool is_long = pending.length > 16;
    std::size_t i = index_of(pending.hash);
    for (;; ++i) {
      Slot& slot = slots_[i];
      if (slot.tag == 0) break;
      if (slot.tag != tag || slot.length != pending.length || slot.key.b != pending.key.b) continue;
      if (is_long ? std::memcmp(slot.bytes().data(), long_keys_.data() + pending.key.a, pending.length) == 0
                  : slot.key.a == pending.key.a) {
        fold(slot.value(), std::move(pending.input()));
        return;
      }
    }
    if (i + 1 >= capacity_ + overflow) [[unlikely]] {  // a cluster ran into the end
      if (!grow_anyway()) throw_no_room();
      return insert(pending);
    }
    Slot& slot = slots_[i];
    slot.key = pending.key;
    if (is_long) slot.key.a = reinterpret_cast<std::uint64_t>(keep(long_keys_.data() + pending.key.a, pending.length));
    slot.length = pending.length;
    new (slot.raw) C(combiner_.create(std::move(pending.input())));
    slot.tag = tag;
    if constexpr (!std::is_trivially_copyable_v<C>) count_heap(heap_bytes(slot.value()));
    ++size_;
  }

  template <class Input>
  void fold(C& value, Input&& input) {
    if constexpr (std::is_trivially_copyable_v<C>) {
      combiner_.add(value, std::forward<Input>(input));
    } else {
      const std::size_t before = heap_bytes(value);
      combiner_.add(value, std::forward<Input>(input));
      const std::size_t after = heap_bytes(value);
      if (after > before) count_heap(after - before);
    }
  }

  void count_heap(std::size_t bytes) {
    heap_pending_ += bytes;
    if (heap_pending_ < 65536) return;
    if (task_.try_reserve(heap_pending_)) {
      reserved_ += heap_pending_;
    } else {
      arena_full_ = true;
    }
    heap_pending_ = 0;
  }

  const char* keep(const char* bytes, std::size_t length) {
    if (static_cast<std::size_t>(arena_end_ - arena_at_) < length) {
      const std::size_t size = std::max(arena_chunk, length);
      Pages chunk = task_.try_pages(size);
      if (!chunk) {
        arena_full_ = true;  // flush() drains after this batch; until then the chunk is over the share
        chunk = task_.pages(size);
      }
      arena_at_ = reinterpret_cast<char*>(chunk.data());
      arena_end_ = arena_at_ + chunk.size();
      arena_.push_back(std::move(chunk));
    }
    char* at = arena_at_;
    std::memcpy(at, bytes, length);
    arena_at_ += length;
    return at;
  }

  [[gnu::noinline]] bool grow() {
    if (capacity_ == 0) {
      // As large as its neighbours came to be, when there is memory for that; growing there costs a rehash a step.
      std::size_t capacity = initial;
      while (capacity / 8 * 5 < task_.expected_keys() + batch) capacity *= 2;
      Pages pages;
      if (capacity != initial) pages = task_.try_pages((capacity + overflow) * sizeof(Slot));
      if (!pages) {
        capacity = initial;
        pages = task_.pages((capacity + overflow) * sizeof(Slot));
      }
      allocate(std::move(pages), capacity);
      return true;
    }
    Pages pages = task_.try_pages((capacity_ * 2 + overflow) * sizeof(Slot));
    if (!pages) return false;
    rehash(std::move(pages), capacity_ * 2);
    return true;
  }
  [[gnu::noinline]] bool grow_anyway() {
    rehash(task_.pages((capacity_ * 2 + overflow) * sizeof(Slot)), capacity_ * 2);
    return true;
  }

  void allocate(Pages pages, std::size_t capacity) {
    std::memset(pages.data(), 0, (capacity + overflow) * sizeof(Slot));
    pages_ = std::move(pages);
    slots_ = reinterpret_cast<Slot*>(pages_.data());
    capacity_ = capacity;
    grow_at_ = capacity / 8 * 5;
    shift_ = 64 - static_cast<unsigned>(std::countr_zero(capacity));
  }

  [[gnu::noinline]] void rehash(Pages pages, std::size_t capacity) {
    Slot* old = slots_;
    const std::size_t old_end = used_end();
    Pages old_pages = std::move(pages_);
    allocate(std::move(pages), capacity);
    for (std::size_t i = 0; i < old_end; ++i) {
      if (old[i].tag == 0) continue;
      std::size_t to = index_of(old[i].hash());
      while (slots_[to].tag != 0) ++to;
      if (to + 1 >= capacity_ + overflow) throw_no_room();
      relocate(old[i], slots_[to]);
    }
  }

  static void relocate(Slot& from, Slot& to) {
    if constexpr (std::is_trivially_copyable_v<C>) {
      std::memcpy(static_cast<void*>(&to), static_cast<const void*>(&from), sizeof(Slot));
    } else {
      to.key = from.key;
      to.length = from.length;
      to.tag = from.tag;
      new (to.raw) C(std::move(from.value()));
      from.value().~C();
    }
  }

  [[gnu::noinline]] void order_cluster(std::size_t begin, std::size_t end) {
    if (end - begin == 1) return;
    const auto before = [this](const Slot& x, const Slot& y) {
      const std::uint64_t hx = x.hash() * spread_;
      const std::uint64_t hy = y.hash() * spread_;
      return hx != hy ? hx < hy : x.bytes() < y.bytes();
    };
    alignas(Slot) std::byte raw[sizeof(Slot)];
    Slot& moving = *reinterpret_cast<Slot*>(raw);
    for (std::size_t i = begin + 1; i < end; ++i) {
      if (!before(slots_[i], slots_[i - 1])) continue;
      relocate(slots_[i], moving);
      std::size_t to = i;
      while (to > begin && before(moving, slots_[to - 1])) {
        relocate(slots_[to - 1], slots_[to]);
        --to;
      }
      relocate(moving, slots_[to]);
    }
  }

  void clear_values() {
    if constexpr (!std::is_trivially_destructible_v<C>) {
      visit([](Slot& slot) { slot.value().~C(); });
    }
  }

  [[noreturn]] static void throw_no_room() {
    throw Error(Cause::out_of_memory,
                "the memory budget is too small for one aggregation table; give more with --memory");
  }

  static constexpr std::size_t initial = 1024;

  TaskContext& task_;
  Combiner combiner_;
  std::uint64_t spread_;
  Slot* slots_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t grow_at_ = 0;
  unsigned shift_ = 63;
  bool arena_full_ = false;
  std::size_t pending_count_ = 0;
  std::size_t pending_begin_ = 0;  // those before have been folded in already
  Pending pending_[batch];
  std::vector<char> long_keys_;
  Pages pages_;
  std::vector<Pages> arena_;
  char* arena_at_ = nullptr;
  char* arena_end_ = nullptr;
  std::size_t heap_pending_ = 0;
  std::size_t reserved_ = 0;
};

}  // namespace millrace::internal
