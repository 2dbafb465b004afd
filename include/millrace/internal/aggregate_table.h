#pragma once

#include <millrace/internal/key_bytes.h>
#include <millrace/internal/slot_array.h>

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
  } else if constexpr (HasFields<T>) {
    return std::apply([&](auto... member) { return (std::size_t{0} + ... + heap_bytes(value.*member)); }, T::fields);
  } else {
    return Codec<T>::size(value);
  }
}

/// The spread of a table whose order nobody needs. What is sent from it comes to the next table in no order of the
/// hash: sent in order, it would fill that one from its beginning, every key behind all that are there.
inline constexpr std::uint64_t scattered = 0xd6e8feb86659fd93;

/// The bytes of a key that is longer than 16: most are hardly longer, and a call would cost more than it does.
inline void copy_long(char* to, const char* from, std::size_t length) {
  if (length > 32) return static_cast<void>(std::memcpy(to, from, length));
  char last[16];
  std::memcpy(last, from + length - 16, 16);
  std::memcpy(to, from, 16);
  std::memcpy(to + length - 16, last, 16);
}
inline bool is_equal_long(const char* a, const char* b, std::size_t length) {
  if (length > 32) return std::memcmp(a, b, length) == 0;
  const char* const last_a = a + length - 16;
  const char* const last_b = b + length - 16;
  return ((load8(a) ^ load8(b)) | (load8(a + 8) ^ load8(b + 8)) | (load8(last_a) ^ load8(last_b)) |
          (load8(last_a + 8) ^ load8(last_b + 8))) == 0;
}

/// A hash table from keys to combined values, in two arrays of slots: small keys, and all others.
///
/// What a table larger than the caches costs is latency, and what short keys of unforeseeable lengths cost is branches:
/// records wait in a batch for each kind, without a branch on which it is, while their slots are being fetched.
///
/// `C` is the combined value. `Combiner` offers create(V), add(C&, V) and merge(C&, C).
/// The table belongs to one task. Its memory comes from the task's share; when add() cannot have more, it calls the
/// `full` callable given to it, which must take everything out: visit() or visit_in_order(), then clear().
template <class C, class Combiner>
class AggregateTable {
 public:
  using Input = typename Combiner::input;
  using Small = SmallSlot<C>;
  using Large = LargeSlot<C>;

  /// `spread`: as for SlotArray.
  AggregateTable(TaskContext& task, Combiner combiner, std::uint64_t spread)
      : task_(task), combiner_(combiner), small_(spread), large_(spread) {
    set_homes();
  }
  AggregateTable(const AggregateTable&) = delete;
  AggregateTable& operator=(const AggregateTable&) = delete;
  ~AggregateTable() { task_.release(reserved_); }

  /// Adds one record, of a value that an Input can be made of. The key's bytes are copied before this returns. Fixed:
  /// their number where all keys have the same.
  template <std::size_t Fixed, class V, class Full>
  void add(std::string_view key, V&& value, Full& full) {
    const std::size_t length = Fixed != 0 ? Fixed : key.size();
    if (length > sizeof(ShortKey)) [[unlikely]] {
      add_long(key, std::forward<V>(value), full);
      return;
    }
    const ShortKey bytes = load_short(key.data(), length);
    const std::uint64_t hash = hash_short(bytes, length);
    put(length <= Small::longest, bytes, length, hash, std::forward<V>(value), full);
  }

  /// Folds in the records that wait. Called before anything is read.
  template <class Full>
  void flush(Full& full) {
    insert_all(small_, batches_[small_kind], full);
    insert_all(large_, batches_[large_kind], full);
  }

  std::size_t size() const { return small_.size() + large_.size(); }

  /// Visits every slot, small keys first, each kind nearly in the order of the hash.
  template <class Visit>
  void visit(Visit&& visit) {
    task_.saw_keys({small_.size(), large_.size()});
    small_.visit(visit);
    large_.visit(visit);
  }

  /// Visits every slot in (hash, key) order; then nothing can be added before clear().
  template <class Visit>
  void visit_in_order(Visit&& visit) {
    task_.saw_keys({small_.size(), large_.size()});
    if (small_.size() != 0) small_.order();
    if (large_.size() != 0) large_.order();
    // Hashes are equal across the kinds almost never, but then the keys decide.
    Small* small = small_.begin();
    Small* const small_end = small_.size() == 0 ? small : small_.end();
    std::uint64_t small_hash = 0;
    const auto next_small = [&] {
      while (small != small_end && small->is_free()) ++small;
      if (small != small_end) small_hash = small_.position(small->hash());
    };
    next_small();
    if (large_.size() != 0) {
      large_.visit([&](Large& large) {
        if (small != small_end) {
          const std::uint64_t hash = large_.position(large.hash());
          while (small != small_end && (small_hash != hash ? small_hash < hash : small->bytes() < large.bytes())) {
            visit(*small++);
            next_small();
          }
        }
        visit(large);
      });
    }
    while (small != small_end) {
      visit(*small++);
      next_small();
    }
  }

  void clear() {
    small_.clear();
    large_.clear();
    arena_.clear();
    arena_at_ = arena_end_ = nullptr;
    task_.release(reserved_);
    reserved_ = 0;
    give_back_too_much();
  }

 private:
  static constexpr std::size_t arena_chunk = std::size_t{256} << 10;
  static constexpr std::size_t many_chunks = 16;
  static constexpr std::size_t large_arena_chunk = std::size_t{4} << 20;  // so that it lies in huge pages

  enum Kind : bool { large_kind = false, small_kind = true };

  /// What waits while its slot is on its way from memory.
  struct Record {
    ShortKey key;  // for a long key where it begins in long_keys_, and its hash
    std::uint64_t hash;
    std::size_t length;
    alignas(Input) std::byte raw[sizeof(Input)];
    Input& value() { return *std::launder(reinterpret_cast<Input*>(raw)); }
  };
  /// Many, since each batch ends with a branch that is guessed wrong; but they and their slots lie in the first cache.
  static constexpr std::size_t batch = std::clamp<std::size_t>(6144 / sizeof(Record), 16, 128);

  /// The records of one kind, and where probing for their keys begins.
  struct Batch {
    Record* next = records;
    const char* home = nullptr;
    unsigned shift = 63;
    Record* done = records;  // the first that has not been folded in, while that happens and after a combiner threw
    Record records[batch];

    Batch() = default;
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;
    ~Batch() { clear(); }
    bool is_full() const { return next == records + batch; }
    void clear() {
      if constexpr (!std::is_trivially_destructible_v<Input>) {
        for (; done != next; ++done) std::destroy_at(&done->value());
      }
      next = done = records;
    }
  };

  template <class V, class Full>
  [[gnu::always_inline]] void put(bool kind, ShortKey key, std::size_t length, std::uint64_t hash, V&& value,
                                  Full& full) {
    Batch& records = batches_[kind];
    Record& record = *records.next;
    record.key = key;
    record.hash = hash;
    record.length = length;
    new (record.raw) Input(std::forward<V>(value));
    constexpr std::size_t small_line = SlotArray<Small>::line_bytes;
    constexpr std::size_t large_line = SlotArray<Large>::line_bytes;
    const std::size_t line_bytes = small_line == large_line ? small_line : kind ? small_line : large_line;
    const char* const home = records.home + (small_.position(hash) >> records.shift) * line_bytes;
    __builtin_prefetch(home, 1);
    if constexpr (64 % small_line != 0 || 64 % large_line != 0) __builtin_prefetch(home + line_bytes - 1, 1);
    ++records.next;
    if (records.is_full()) [[unlikely]] {
      if (kind) {
        insert_all(small_, records, full);
      } else {
        insert_all(large_, records, full);
      }
    }
  }

  template <class V, class Full>
  [[gnu::noinline]] void add_long(std::string_view key, V&& value, Full& full) {
    const std::uint64_t hash = hash_long(key.data(), key.size());
    const ShortKey place{long_bytes_, hash};
    if (long_keys_.size() - long_bytes_ < key.size()) long_keys_.resize(long_keys_.size() * 2 + key.size());
    copy_long(long_keys_.data() + long_bytes_, key.data(), key.size());
    long_bytes_ += key.size();
    put(large_kind, place, key.size(), hash, std::forward<V>(value), full);
  }

  template <class Slot, class Full>
  [[gnu::noinline]] void insert_all(SlotArray<Slot>& slots, Batch& records, Full& full) {
    if constexpr (std::is_same_v<Slot, Large>) {
      if (long_bytes_ != 0) fetch_long_keys(records);
    }
    if constexpr (std::is_trivially_destructible_v<Input>) {
      for (Record* record = records.records; record != records.next; ++record) insert(slots, *record, full);
    } else {
      for (; records.done != records.next; ++records.done) {
        insert(slots, *records.done, full);
        std::destroy_at(&records.done->value());
      }
    }
    records.clear();
    if constexpr (std::is_same_v<Slot, Large>) long_bytes_ = 0;
  }

  /// The bytes of long keys lie far from their slots: fetches those that the batch will be compared with. Always
  /// inlined: compilers take a call of what only prefetches for one without effect.
  [[gnu::always_inline]] void fetch_long_keys(const Batch& records) const {
    for (const Record* record = records.records; record != records.next; ++record) {
      if (record->length <= sizeof(ShortKey)) continue;
      const Large* slot = large_.home(record->hash);
      while (!slot->is_free() && slot->key.b != record->key.b) ++slot;
      if (!slot->is_free() && slot->is_long()) __builtin_prefetch(slot->bytes().data());
    }
  }

  template <class Full>
  [[gnu::always_inline]] void insert(SlotArray<Small>& slots, Record& record, Full& full) {
    const auto key = Small::pack(record.key.a, record.length);
    Small* slot = slots.home(record.hash);
    if constexpr (SlotArray<Small>::slots_a_line == 4) {
      // Which of the line's slots it is cannot be foretold. The empty statement keeps compilers from branching on it.
      unsigned found = static_cast<unsigned>(slot[0].key == key) | static_cast<unsigned>(slot[1].key == key) << 1 |
                       static_cast<unsigned>(slot[2].key == key) << 2 | static_cast<unsigned>(slot[3].key == key) << 3;
      __asm__("" : "+r"(found));
      if (found != 0) [[likely]] {
        fold(slot[std::countr_zero(found)], record, full);
        return;
      }
    }
    for (; !slot->is_free(); ++slot) {
      if (slot->key == key) {
        fold(*slot, record, full);
        return;
      }
    }
    insert_new(slots, slot, record, full);
  }

  template <class Full>
  [[gnu::always_inline]] void insert(SlotArray<Large>& slots, Record& record, Full& full) {
    const auto tag = static_cast<std::uint32_t>(record.hash) | 1;
    Large* slot = slots.home(record.hash);
    if constexpr (SlotArray<Large>::slots_a_line == 2) {
      Large* const likely = slot + (slot[1].tag == tag);
      if (likely->tag == tag && is_key(*likely, record)) [[likely]] {
        fold(*likely, record, full);
        return;
      }
    }
    for (; !slot->is_free(); ++slot) {
      if (slot->tag == tag && is_key(*slot, record)) {
        fold(*slot, record, full);
        return;
      }
    }
    insert_new(slots, slot, record, full);
  }

  bool is_key(const Large& slot, const Record& record) const {
    if (slot.length != record.length || slot.key.b != record.key.b) return false;
    if (!slot.is_long()) return slot.key.a == record.key.a;
    return is_equal_long(slot.bytes().data(), long_keys_.data() + record.key.a, record.length);
  }

  template <class Slot, class Full>
  [[gnu::always_inline]] void fold(Slot& slot, Record& record, Full& full) {
    Input& input = record.value();
    if constexpr (std::is_trivially_copyable_v<C>) {
      combiner_.add(slot.value(), std::move(input));
    } else {
      const std::size_t before = heap_bytes(slot.value());
      combiner_.add(slot.value(), std::move(input));
      const std::size_t after = heap_bytes(slot.value());
      if (after > before) count_heap(after - before);
      if (no_room_) [[unlikely]]
        drain(full);
    }
  }

  template <class Slot, class Full>
  [[gnu::noinline]] void insert_new(SlotArray<Slot>& slots, Slot* slot, Record& record, Full& full) {
    if (no_room_ || slots.is_full(slot)) [[unlikely]] {
      if (no_room_) drain(full);
      if (slots.is_full(slot)) make_room(slots, full);
      set_homes();
      for (slot = slots.home(record.hash); !slot->is_free();) ++slot;
    }
    if constexpr (std::is_same_v<Slot, Large>) {
      if (record.length > sizeof(ShortKey)) keep_key(record);
    }
    new (slot->raw) C(combiner_.create(std::move(record.value())));
    set_key(*slot, record);
    slots.added();
    if constexpr (!std::is_trivially_copyable_v<C>) count_heap(heap_bytes(slot->value()));
  }

  static void set_key(Small& slot, const Record& record) { slot.key = Small::pack(record.key.a, record.length); }
  static void set_key(Large& slot, const Record& record) {
    slot.key = record.key;
    slot.length = static_cast<std::uint32_t>(record.length);
    slot.tag = static_cast<std::uint32_t>(record.hash) | 1;
  }
  /// Moves a long key from those that wait into the arena.
  void keep_key(Record& record) {
    record.key.a = reinterpret_cast<std::uint64_t>(keep(long_keys_.data() + record.key.a, record.length));
  }

  void set_homes() {
    batches_[small_kind].home = reinterpret_cast<const char*>(small_.begin());
    batches_[small_kind].shift = small_.line_shift();
    batches_[large_kind].home = reinterpret_cast<const char*>(large_.begin());
    batches_[large_kind].shift = large_.line_shift();
  }

  template <class Full>
  void drain(Full& full) {
    no_room_ = false;
    full();
  }

  /// Gives the array more room, or has everything taken out when the share is used up.
  template <class Slot, class Full>
  void make_room(SlotArray<Slot>& slots, Full& full) {
    std::size_t capacity = slots.capacity() * 2;
    if (capacity == 0) {
      // As large as its neighbours came to be, when there is memory for that; growing there costs a rehash a step.
      const TableKeys expected = task_.expected_keys();
      const std::size_t keys = std::is_same_v<Slot, Small> ? expected.small : expected.large;
      capacity = SlotArray<Slot>::capacity_for(keys);
      Pages pages = task_.try_pages(SlotArray<Slot>::bytes_for(capacity));
      if (!pages) {
        capacity = SlotArray<Slot>::capacity_for(0);
        pages = task_.pages(SlotArray<Slot>::bytes_for(capacity));
      }
      slots.move_to(std::move(pages), capacity);
    } else if (Pages pages = task_.try_pages(SlotArray<Slot>::bytes_for(capacity))) {
      slots.move_to(std::move(pages), capacity);
    } else {
      full();
      if (slots.capacity() == 0) make_room(slots, full);
    }
  }

  /// The task's share shrinks as blocks fill the memory. Slots that leave hardly any room for long keys would be
  /// emptied again and again with hardly any keys in them.
  void give_back_too_much() {
    const std::size_t slot_bytes =
        SlotArray<Small>::bytes_for(small_.capacity()) + SlotArray<Large>::bytes_for(large_.capacity());
    const std::size_t room = std::max(arena_chunk, slot_bytes / 8);
    if (task_.try_reserve(room)) return task_.release(room);
    small_.give_back();
    large_.give_back();
    set_homes();
  }

  void count_heap(std::size_t bytes) {
    heap_pending_ += bytes;
    if (heap_pending_ < 65536) return;
    if (task_.try_reserve(heap_pending_)) {
      reserved_ += heap_pending_;
    } else {
      no_room_ = true;
    }
    heap_pending_ = 0;
  }

  const char* keep(const char* bytes, std::size_t length) {
    if (static_cast<std::size_t>(arena_end_ - arena_at_) < length) {
      const std::size_t size = std::max(arena_chunk, length);
      Pages chunk = arena_.size() < many_chunks ? Pages() : task_.try_pages(std::max(large_arena_chunk, length));
      if (!chunk) chunk = task_.try_pages(size);
      if (!chunk) {
        no_room_ = true;  // everything is taken out before the next key; until then the chunk is over the share
        chunk = task_.pages(size);
      }
      arena_at_ = reinterpret_cast<char*>(chunk.data());
      arena_end_ = arena_at_ + chunk.size();
      arena_.push_back(std::move(chunk));
    }
    char* at = arena_at_;
    copy_long(at, bytes, length);
    arena_at_ += length;
    return at;
  }

  TaskContext& task_;
  Combiner combiner_;
  SlotArray<Small> small_;
  SlotArray<Large> large_;
  Batch batches_[2];             // by kind
  std::vector<char> long_keys_;  // of the records that wait, one behind the other
  std::size_t long_bytes_ = 0;
  bool no_room_ = false;
  std::vector<Pages> arena_;
  char* arena_at_ = nullptr;
  char* arena_end_ = nullptr;
  std::size_t heap_pending_ = 0;
  std::size_t reserved_ = 0;
};

}  // namespace millrace::internal
