#pragma once

#include <algorithm>
#include <new>

#include <millrace/codec.h>
#include <millrace/internal/hash.h>
#include <millrace/task.h>

// What the aggregation table is made of: arrays of slots by hash, for keys of two sizes.

namespace millrace::internal {

/// Bytes that encode_key() of a short key may write.
inline constexpr std::size_t encoded_room = 1 + sizeof(ShortKey);

/// A key of up to 7 bytes and its combined value: with a value of 8 bytes four slots make a cache line. Most words of a
/// text are that short, and a table that is dense stays in the caches.
template <class C>
struct SmallSlot {
  static constexpr std::size_t longest = 7;
  using Key = std::uint64_t;  // the bytes, zero-padded, and above them their number and one: never 0

  static Key pack(std::uint64_t bytes, std::size_t length) { return bytes | (length + 1) << 56; }
  static std::size_t length(Key key) { return (key >> 56) - 1; }
  static std::uint64_t hash(Key key) { return hash_short({key << 8 >> 8, 0}, length(key)); }

  Key key;
  alignas(C) std::byte raw[sizeof(C)];

  bool is_free() const { return key == 0; }
  void set_free() { key = 0; }
  C& value() { return *std::launder(reinterpret_cast<C*>(raw)); }
  const C& value() const { return *std::launder(reinterpret_cast<const C*>(raw)); }
  std::string_view bytes() const { return {reinterpret_cast<const char*>(&key), length(key)}; }
  std::uint64_t hash() const { return hash(key); }
  void take_key(const SmallSlot& from) { key = from.key; }
  /// As Codec<std::string_view> encodes bytes(), but writes into encoded_room bytes whatever the length.
  std::byte* encode_key(std::byte* out) const {
    *out++ = static_cast<std::byte>(length(key));
    std::memcpy(out, &key, sizeof key);
    return out + length(key);
  }
  void prefetch_bytes() const {}
};

/// Any other key: up to 16 bytes in the slot, longer ones in the table's arena.
template <class C>
struct LargeSlot {
  ShortKey key;  // the bytes, or for long keys the address in the arena and the hash
  std::uint32_t length;
  std::uint32_t tag;  // the hash's low half with the lowest bit set; 0 means free
  alignas(C) std::byte raw[sizeof(C)];

  bool is_free() const { return tag == 0; }
  void set_free() { tag = 0; }
  bool is_long() const { return length > sizeof key; }
  C& value() { return *std::launder(reinterpret_cast<C*>(raw)); }
  const C& value() const { return *std::launder(reinterpret_cast<const C*>(raw)); }
  std::string_view bytes() const {
    return {is_long() ? reinterpret_cast<const char*>(key.a) : reinterpret_cast<const char*>(&key), length};
  }
  std::uint64_t hash() const { return is_long() ? key.b : hash_short(key, length); }
  std::byte* encode_key(std::byte* out) const {
    if (is_long()) return Codec<std::string_view>::encode(bytes(), out);
    *out++ = static_cast<std::byte>(length);
    std::memcpy(out, &key, sizeof key);
    return out + length;
  }
  void take_key(const LargeSlot& from) {
    key = from.key;
    length = from.length;
    tag = from.tag;
  }
  [[gnu::always_inline]] void prefetch_bytes() const {
    if (is_long() && tag != 0) __builtin_prefetch(reinterpret_cast<const char*>(key.a));
  }
};

/// Slots nearly in the order of the hash: probing begins where the top of a key's hash says, at the first slot of a
/// cache line, goes on to the next slots and does not wrap. So equal hashes lie close together, partitions are
/// contiguous, and order() leaves exact (hash, key) order after a local pass.
///
/// Owns the values. The caller looks for keys, fills free slots and says so by added().
template <class Slot>
class SlotArray {
 public:
  /// `spread` maps the hash to the position: the hash times it, modulo 2^64. With 1 the array covers all hashes; with
  /// the number of partitions it covers one partition's range.
  explicit SlotArray(std::uint64_t spread) : spread_(spread) {}
  SlotArray(const SlotArray&) = delete;
  SlotArray& operator=(const SlotArray&) = delete;
  ~SlotArray() { destroy_values(); }

  static constexpr std::size_t slots_a_line = 64 % sizeof(Slot) == 0 ? 64 / sizeof(Slot) : 1;
  static constexpr std::size_t line_bytes = slots_a_line * sizeof(Slot);

  Slot* home(std::uint64_t hash) const { return slots_ + (position(hash) >> line_shift_) * slots_a_line; }
  /// What the order of the slots follows, before the keys themselves.
  std::uint64_t position(std::uint64_t hash) const { return hash * spread_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  /// Brings a position to the number of the line where probing begins.
  unsigned line_shift() const { return line_shift_; }
  void added() { ++size_; }
  /// Whether there must be more room before `free`, which probing came to, may be filled.
  bool is_full(const Slot* free) const { return size_ >= grow_at_ || free >= last(); }

  static std::size_t capacity_for(std::size_t keys) {
    std::size_t capacity = initial;
    while (room_in(capacity) < keys) capacity *= 2;
    return capacity;
  }
  static std::size_t bytes_for(std::size_t capacity) { return (capacity + overflow) * sizeof(Slot); }

  /// Moves everything into `pages`, which hold bytes_for(capacity). Throws when too many keys share one hash.
  [[gnu::noinline]] void move_to(Pages pages, std::size_t capacity) {
    Slot* const old = slots_;
    Slot* const old_end = end();
    const Pages old_pages = std::move(pages_);
    std::memset(pages.data(), 0, bytes_for(capacity));
    pages_ = std::move(pages);
    slots_ = reinterpret_cast<Slot*>(pages_.data());
    capacity_ = capacity;
    grow_at_ = room_in(capacity);
    line_shift_ = 64 - static_cast<unsigned>(std::countr_zero(capacity / slots_a_line));
    for (Slot* slot = old; slot != old_end; ++slot) {
      if (slot->is_free()) continue;
      Slot* to = home(slot->hash());
      while (!to->is_free()) ++to;
      if (to >= last()) throw_no_room();
      relocate(*slot, *to);
    }
  }

  /// Puts the slots into (hash, key) order; then they can be visited but nothing can be added before clear().
  void order() {
    for (Slot* slot = slots_; slot < end();) {
      if (slot->is_free()) {
        ++slot;
        continue;
      }
      Slot* cluster_end = slot + 1;
      while (!cluster_end->is_free()) ++cluster_end;  // the last slot is always free
      order_cluster(slot, cluster_end);
      slot = cluster_end;
    }
  }

  Slot* begin() const { return slots_; }
  Slot* end() const { return capacity_ == 0 ? slots_ : slots_ + capacity_ + overflow - 1; }

  template <class Visit>
  void visit(Visit&& visit) {
    constexpr std::size_t ahead = 16;
    Slot* const stop = end();
    for (Slot* slot = slots_; slot < stop; ++slot) {
      if (slot + ahead < stop) slot[ahead].prefetch_bytes();
      if (!slot->is_free()) visit(*slot);
    }
  }

  void clear() {
    destroy_values();
    if (capacity_ != 0) std::memset(static_cast<void*>(slots_), 0, bytes_for(capacity_));
    size_ = 0;
  }
  /// After clear(): gives the memory back.
  void give_back() {
    pages_ = Pages();
    slots_ = reinterpret_cast<Slot*>(nothing_);
    capacity_ = grow_at_ = 0;
    line_shift_ = 63;
  }

 private:
  static constexpr std::size_t initial = 1024;
  static constexpr std::size_t overflow = 256;  // slots past the last home, since probing does not wrap

  /// Beyond that too many keys would not find room in their own line.
  static std::size_t room_in(std::size_t capacity) { return slots_a_line >= 4 ? capacity / 4 * 3 : capacity / 8 * 5; }
  const Slot* last() const { return slots_ + capacity_ + overflow - 1; }

  static void relocate(Slot& from, Slot& to) {
    using C = std::remove_reference_t<decltype(from.value())>;
    if constexpr (std::is_trivially_copyable_v<C>) {
      std::memcpy(static_cast<void*>(&to), static_cast<const void*>(&from), sizeof(Slot));
    } else {
      to.take_key(from);
      new (to.raw) C(std::move(from.value()));
      from.value().~C();
    }
  }

  [[gnu::noinline]] void order_cluster(Slot* begin, Slot* end) {
    const auto before = [this](std::uint64_t hash_x, const Slot& x, const Slot& y) {
      const std::uint64_t hash_y = y.hash() * spread_;
      return hash_x != hash_y ? hash_x < hash_y : x.bytes() < y.bytes();
    };
    alignas(Slot) std::byte raw[sizeof(Slot)];
    Slot& moving = *reinterpret_cast<Slot*>(raw);
    for (Slot* slot = begin + 1; slot < end; ++slot) {
      const std::uint64_t hash = slot->hash() * spread_;
      if (!before(hash, *slot, slot[-1])) continue;
      relocate(*slot, moving);
      Slot* to = slot;
      do {
        relocate(to[-1], *to);
        --to;
      } while (to > begin && before(hash, moving, to[-1]));
      relocate(moving, *to);
    }
  }

  void destroy_values() {
    using C = std::remove_reference_t<decltype(slots_->value())>;
    if constexpr (!std::is_trivially_destructible_v<C>) {
      visit([](Slot& slot) { slot.value().~C(); });
    }
  }

  [[noreturn]] static void throw_no_room() {
    throw Error(Cause::out_of_memory,
                "the memory budget is too small for one aggregation table; give more with --memory");
  }

  // What stands for the array until there is one: two lines of free slots.
  alignas(64) inline static std::byte nothing_[2 * line_bytes + sizeof(Slot)] = {};

  std::uint64_t spread_;
  Slot* slots_ = reinterpret_cast<Slot*>(nothing_);
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t grow_at_ = 0;
  unsigned line_shift_ = 63;
  Pages pages_;
};

}  // namespace millrace::internal
