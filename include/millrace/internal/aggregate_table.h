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
  } else {
    return Codec<T>::size(value);
  }
}

/// The spread of a table whose order nobody needs. What is sent from it comes to the next table in no order of the
/// hash: sent in order, it would fill that one from its beginning, every key behind all that are there.
inline constexpr std::uint64_t scattered = 0xd6e8feb86659fd93;

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
      : task_(task), combiner_(combiner), small_(spread), large_(spread), spread_(spread) {
    set_homes();
  }
  AggregateTable(const AggregateTable&) = delete;
  AggregateTable& operator=(const AggregateTable&) = delete;
  ~AggregateTable() { task_.release(reserved_); }

  /// Adds one record. The key's bytes are copied before this returns. Fixed: their number where all keys have the same.
  template <std::size_t Fixed, class Full>
  void add(std::string_view key, Input&& value, Full& full) {
    const std::size_t length = Fixed != 0 ? Fixed : key.size();
    if (length > sizeof(ShortKey)) [[unlikely]] {
      add_long(key, std::move(value), full);
      return;
    }
    const ShortKey bytes = load_short(key.data(), length);
    const std::uint64_t hash = hash_short(bytes, length);
    const bool is_small = length <= Small::longest;
    if constexpr (Fixed == 0 && cheap_to_copy) {
      put_small(bytes, length, hash, Input(value));
      put_large(bytes, length, hash, std::move(value));
      small_batch_.count += is_small;
      large_batch_.count += !is_small;
      const Home& home = homes_[is_small];
      __builtin_prefetch(home.base + ((hash * spread_ >> home.shift) & home.mask) * home.slot_bytes, 1);
      if (small_batch_.count == batch || large_batch_.count == batch) [[unlikely]]
        flush(full);
    } else if (is_small) {
      put_small(bytes, length, hash, std::move(value));
      __builtin_prefetch(small_.home(hash), 1);
      if (++small_batch_.count == batch) [[unlikely]]
        insert_all(small_batch_, full);
    } else {
      put_large(bytes, length, hash, std::move(value));
      __builtin_prefetch(large_.home(hash), 1);
      if (++large_batch_.count == batch) [[unlikely]]
        insert_all(large_batch_, full);
    }
  }

  /// Folds in the records that wait. Called before anything is read.
  template <class Full>
  void flush(Full& full) {
    insert_all(small_batch_, full);
    insert_all(large_batch_, full);
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

  static constexpr std::size_t batch = 32;
  static constexpr bool cheap_to_copy = std::is_trivially_copyable_v<Input> && sizeof(Input) <= 16;

  /// A key of up to 16 bytes, or where a longer one begins in long_keys_ and its hash.
  struct LargeKey {
    ShortKey bytes;
    std::size_t length;
  };

  /// Records whose slots are on their way from memory.
  template <class Key>
  struct Batch {
    struct Record {
      Key key;
      std::uint64_t hash;
      alignas(Input) std::byte raw[sizeof(Input)];
      Input& value() { return *std::launder(reinterpret_cast<Input*>(raw)); }
    };
    ~Batch() { clear(); }
    /// Also after a combiner threw: then the record that it threw on goes like those that wait.
    void clear() {
      if constexpr (!std::is_trivially_destructible_v<Input>) {
        for (; done < count; ++done) std::destroy_at(&records[done].value());
      }
      count = done = 0;
    }
    std::size_t count = 0;
    std::size_t done = 0;  // more than 0 only while the batch is being folded in
    Record records[batch];
  };
  using SmallRecord = typename Batch<std::uint64_t>::Record;
  using LargeRecord = typename Batch<LargeKey>::Record;

  /// Where probing begins in an array.
  struct Home {
    const char* base;
    std::size_t mask;
    std::size_t slot_bytes;
    unsigned shift;
  };

  void put_small(ShortKey bytes, std::size_t length, std::uint64_t hash, Input&& value) {
    SmallRecord& record = small_batch_.records[small_batch_.count];
    record.key = Small::pack(bytes.a, length);
    record.hash = hash;
    new (record.raw) Input(std::move(value));
  }
  void put_large(ShortKey bytes, std::size_t length, std::uint64_t hash, Input&& value) {
    LargeRecord& record = large_batch_.records[large_batch_.count];
    record.key = {bytes, length};
    record.hash = hash;
    new (record.raw) Input(std::move(value));
  }

  template <class Full>
  [[gnu::noinline]] void add_long(std::string_view key, Input&& value, Full& full) {
    const std::uint64_t hash = hash_long(key.data(), key.size());
    put_large({long_keys_.size(), hash}, key.size(), hash, std::move(value));
    long_keys_.insert(long_keys_.end(), key.begin(), key.end());
    __builtin_prefetch(large_.home(hash), 1);
    if (++large_batch_.count == batch) insert_all(large_batch_, full);
  }

  template <class Full>
  [[gnu::noinline]] void insert_all(Batch<std::uint64_t>& records, Full& full) {
    insert_each(records, full);
  }

  template <class Full>
  [[gnu::noinline]] void insert_all(Batch<LargeKey>& records, Full& full) {
    if (!long_keys_.empty()) fetch_long_keys(records);
    insert_each(records, full);
    long_keys_.clear();
  }

  template <class Key, class Full>
  [[gnu::always_inline]] void insert_each(Batch<Key>& records, Full& full) {
    if constexpr (std::is_trivially_destructible_v<Input>) {
      for (std::size_t i = 0; i < records.count; ++i) insert(records.records[i], full);
    } else {
      for (; records.done < records.count; ++records.done) {
        insert(records.records[records.done], full);
        std::destroy_at(&records.records[records.done].value());
      }
    }
    records.clear();
  }

  /// The bytes of long keys lie far from their slots: fetches those that the batch will be compared with.
  void fetch_long_keys(const Batch<LargeKey>& records) const {
    for (std::size_t i = 0; i < records.count; ++i) {
      const LargeRecord& record = records.records[i];
      if (record.key.length <= sizeof(ShortKey)) continue;
      const Large* slot = large_.home(record.hash);
      while (!slot->is_free() && slot->key.b != record.key.bytes.b) ++slot;
      if (!slot->is_free() && slot->is_long()) __builtin_prefetch(slot->bytes().data());
    }
  }

  template <class Full>
  [[gnu::always_inline]] void insert(SmallRecord& record, Full& full) {
    Small* slot = small_.home(record.hash);
    if constexpr (SlotArray<Small>::slots_a_line == 4) {
      // Which of the line's slots it is cannot be foretold, so there is no branch on it.
      const auto key = record.key;
      const unsigned found =
          static_cast<unsigned>(slot[0].key == key) | static_cast<unsigned>(slot[1].key == key) << 1 |
          static_cast<unsigned>(slot[2].key == key) << 2 | static_cast<unsigned>(slot[3].key == key) << 3;
      if (found != 0) [[likely]] {
        fold(slot[std::countr_zero(found)], record, full);
        return;
      }
    }
    for (; !slot->is_free(); ++slot) {
      if (slot->key == record.key) {
        fold(*slot, record, full);
        return;
      }
    }
    insert_new(small_, slot, record, full);
  }

  template <class Full>
  [[gnu::always_inline]] void insert(LargeRecord& record, Full& full) {
    const auto tag = static_cast<std::uint32_t>(record.hash) | 1;
    Large* slot = large_.home(record.hash);
    if constexpr (SlotArray<Large>::slots_a_line == 2) {
      Large* const likely = slot + (slot[1].tag == tag);
      if (likely->tag == tag && is_key(*likely, record.key)) [[likely]] {
        fold(*likely, record, full);
        return;
      }
    }
    for (; !slot->is_free(); ++slot) {
      if (slot->tag == tag && is_key(*slot, record.key)) {
        fold(*slot, record, full);
        return;
      }
    }
    insert_new(large_, slot, record, full);
  }

  bool is_key(const Large& slot, const LargeKey& key) const {
    if (slot.length != key.length || slot.key.b != key.bytes.b) return false;
    if (!slot.is_long()) return slot.key.a == key.bytes.a;
    return std::memcmp(slot.bytes().data(), long_keys_.data() + key.bytes.a, key.length) == 0;
  }

  template <class Slot, class Record, class Full>
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

  template <class Slot, class Record, class Full>
  [[gnu::noinline]] void insert_new(SlotArray<Slot>& slots, Slot* slot, Record& record, Full& full) {
    if (no_room_ || slots.is_full(slot)) [[unlikely]] {
      if (no_room_) drain(full);
      if (slots.is_full(slot)) make_room(slots, full);
      set_homes();
      for (slot = slots.home(record.hash); !slot->is_free();) ++slot;
    }
    if constexpr (std::is_same_v<Slot, Large>) {
      if (record.key.length > sizeof(ShortKey)) keep_key(record);
    }
    new (slot->raw) C(combiner_.create(std::move(record.value())));
    set_key(*slot, record);
    slots.added();
    if constexpr (!std::is_trivially_copyable_v<C>) count_heap(heap_bytes(slot->value()));
  }

  static void set_key(Small& slot, const SmallRecord& record) { slot.key = record.key; }
  static void set_key(Large& slot, const LargeRecord& record) {
    slot.key = record.key.bytes;
    slot.length = static_cast<std::uint32_t>(record.key.length);
    slot.tag = static_cast<std::uint32_t>(record.hash) | 1;
  }
  /// Moves a long key from those that wait into the arena.
  void keep_key(LargeRecord& record) {
    std::uint64_t& place = record.key.bytes.a;
    place = reinterpret_cast<std::uint64_t>(keep(long_keys_.data() + place, record.key.length));
  }

  template <class Slot>
  static Home home_of(const SlotArray<Slot>& slots) {
    return {reinterpret_cast<const char*>(slots.begin()), ~(SlotArray<Slot>::slots_a_line - 1), sizeof(Slot),
            slots.shift()};
  }
  void set_homes() {
    homes_[0] = home_of(large_);
    homes_[1] = home_of(small_);
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
      Pages chunk = task_.try_pages(size);
      if (!chunk) {
        no_room_ = true;  // everything is taken out before the next key; until then the chunk is over the share
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

  TaskContext& task_;
  Combiner combiner_;
  SlotArray<Small> small_;
  SlotArray<Large> large_;
  std::uint64_t spread_;
  Home homes_[2];  // of large keys and of small ones
  Batch<std::uint64_t> small_batch_;
  Batch<LargeKey> large_batch_;
  std::vector<char> long_keys_;  // of the records that wait
  bool no_room_ = false;
  std::vector<Pages> arena_;
  char* arena_at_ = nullptr;
  char* arena_end_ = nullptr;
  std::size_t heap_pending_ = 0;
  std::size_t reserved_ = 0;
};

}  // namespace millrace::internal
