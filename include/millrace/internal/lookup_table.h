#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include <millrace/codec.h>
#include <millrace/internal/hash.h>
#include <millrace/internal/key_bytes.h>

// The small side of a broadcast join.

namespace millrace::internal {

/// Asks the system to back memory that is not touched yet with huge pages, where it has some: random access to much of
/// it is then several times as fast.
void prefer_huge_pages(void* data, std::size_t bytes) noexcept;

inline std::uint64_t load_word(const std::byte* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}
inline void store_word(std::byte* at, std::uint64_t word) { std::memcpy(at, &word, sizeof word); }

/// All values of each key, in the order in which they were added. It is one run of bytes, made once by the driver and
/// looked at where it lies by every task: the number of slots, the bytes of the entries, the entries (the place of the
/// next one of the key plus one, key, value), zeros up to a whole word, the slots (eight bytes: the place of an entry,
/// plus one, and the top of its hash; zero is free).
/// A view: the bytes live as long as the broadcast value. Any thread may use it.
template <class K, class V>
class LookupTable {
 public:
  using Key = std::conditional_t<TextKey<K>, std::string_view, K>;
  /// How an element comes to the builder: the hash of its key stands where the table has the next entry's place.
  using Entry = std::pair<std::uint64_t, std::pair<K, V>>;

  LookupTable() = default;
  explicit LookupTable(std::span<const std::byte> bytes)
      : mask_(load_word(bytes.data()) - 1),
        entries_(bytes.data() + head),
        slots_(bytes.data() + whole_words(head + load_word(bytes.data() + word))),
        end_(bytes.data() + bytes.size()) {}

  std::span<const std::byte> bytes() const { return {entries_ - head, end_}; }

  static std::uint64_t hash_of(const Key& key) {
    KeyBytes<Key> bytes;
    return hash_bytes(bytes.of(key));
  }

  /// Where the search for a hash begins. What find() waits for, so that it can be fetched for many keys at a time.
  const std::byte* home(std::uint64_t hash) const { return slots_ + (hash & mask_) * word; }
  /// The entry of the first key that may have this hash, or null. What for_each() waits for.
  const std::byte* find(std::uint64_t hash) const {
    const std::uint64_t slot = load_word(slots_ + candidate(hash, hash & mask_) * word);
    return slot == 0 ? nullptr : entries_ + (slot & place_mask) - 1;
  }

  template <class Visit>
  void for_each(const Key& key, std::uint64_t hash, Visit&& visit) const {
    for (std::uint64_t i = candidate(hash, hash & mask_);; i = candidate(hash, (i + 1) & mask_)) {
      const std::uint64_t slot = load_word(slots_ + i * word);
      if (slot == 0) return;
      const std::byte* at = entries_ + (slot & place_mask) - 1;
      const std::byte* content = at + word;
      if (!(Codec<Key>::decode(content, end_) == key)) continue;
      for (;;) {
        visit(Codec<V>::decode(content, end_));
        const std::uint64_t next = load_word(at);
        if (next == 0) return;
        at = entries_ + next - 1;
        content = at + word;
        Codec<Key>::skip(content, end_);
      }
    }
  }

  /// Gathers entries and makes the table's bytes of them. One thread.
  class Builder {
   public:
    /// Takes whole encoded Entries.
    void add(std::span<const std::byte> entries) {
      const std::size_t begin = bytes_.size();
      make_room(begin + entries.size());
      bytes_.insert(bytes_.end(), entries.begin(), entries.end());
      const std::byte* const end = bytes_.data() + bytes_.size();
      for (const std::byte* at = bytes_.data() + begin; at != end; Codec<std::pair<K, V>>::skip(at, end)) {
        places_.push_back(static_cast<std::uint64_t>(at - bytes_.data()) - head);
        at += word;
      }
    }

    /// The table's bytes. Throws Error(usage) for a table that is far too large to be a small side.
    std::vector<std::byte> take() {
      const std::uint64_t entry_bytes = bytes_.size() - head;
      if (entry_bytes >= place_mask)
        throw Error(Cause::usage, "broadcast_join: the small side is larger than a terabyte; use join");
      std::size_t capacity = 16;
      while (capacity < places_.size() * 2) capacity *= 2;
      const std::size_t slots = whole_words(bytes_.size());
      make_room(slots + capacity * word);
      bytes_.resize(slots + capacity * word);
      store_word(bytes_.data(), capacity);
      store_word(bytes_.data() + word, entry_bytes);
      insert_all(bytes_.data() + slots, capacity - 1);
      return std::move(bytes_);
    }

   private:
    void make_room(std::size_t bytes) {
      if (bytes <= bytes_.capacity()) return;
      std::vector<std::byte> larger;
      larger.reserve(std::max(bytes, 2 * bytes_.capacity()));
      prefer_huge_pages(larger.data(), larger.capacity());
      larger.insert(larger.end(), bytes_.begin(), bytes_.end());
      bytes_.swap(larger);
    }

    // From the last to the first, each before those of its key that are there: so only the first needs to be found. The
    // slots of some are fetched while others are filled.
    void insert_all(std::byte* slots, std::uint64_t mask) {
      constexpr std::size_t ahead = 32;
      for (std::size_t i = places_.size(); i-- > 0;) {
        if (i >= ahead) __builtin_prefetch(slots + (load_word(entry(places_[i - ahead])) & mask) * word, 1);
        insert(slots, mask, places_[i]);
      }
    }
    void insert(std::byte* slots, std::uint64_t mask, std::uint64_t place) {
      const std::uint64_t hash = load_word(entry(place));
      std::uint64_t next = 0;
      std::uint64_t i = hash & mask;
      for (;; i = (i + 1) & mask) {
        const std::uint64_t slot = load_word(slots + i * word);
        if (slot == 0) break;
        if (((slot ^ hash) & ~place_mask) != 0) continue;
        next = slot & place_mask;
        if (key_at(next - 1) == key_at(place)) break;
        next = 0;
      }
      store_word(entry(place), next);
      store_word(slots + i * word, (hash & ~place_mask) | (place + 1));
    }
    std::byte* entry(std::uint64_t place) { return bytes_.data() + head + place; }
    Key key_at(std::uint64_t place) {
      const std::byte* at = entry(place) + word;
      return Codec<Key>::decode(at, bytes_.data() + bytes_.size());
    }

    std::vector<std::byte> bytes_ = std::vector<std::byte>(head);
    std::vector<std::uint64_t> places_;
  };

 private:
  static constexpr std::size_t word = sizeof(std::uint64_t);
  static constexpr std::size_t head = 2 * word;
  static constexpr std::uint64_t place_mask = (std::uint64_t{1} << 40) - 1;

  static constexpr std::size_t whole_words(std::size_t bytes) { return (bytes + word - 1) / word * word; }

  /// The first slot from `i` on that is free or whose key may have the hash.
  std::uint64_t candidate(std::uint64_t hash, std::uint64_t i) const {
    for (;; i = (i + 1) & mask_) {
      const std::uint64_t slot = load_word(slots_ + i * word);
      if (slot == 0 || ((slot ^ hash) & ~place_mask) == 0) return i;
    }
  }

  std::uint64_t mask_ = 0;
  const std::byte* entries_ = nullptr;
  const std::byte* slots_ = nullptr;
  const std::byte* end_ = nullptr;
};

template <class K, class V>
struct IsView<LookupTable<K, V>> : std::true_type {};

/// Elements on their way to a lookup, copied so that their slots and entries can be fetched for many at once.
template <class T, class Table>
class LookupBatch {
 public:
  /// `limit`: how many at once, 1 to most.
  LookupBatch(const Table& table, std::size_t limit) : table_(table), limit_(limit) {}
  static constexpr std::size_t most = 64;

  bool full() const { return count_ == limit_; }
  void add(const T& pair) {
    const std::size_t size = Codec<T>::size(pair);
    if (bytes_.size() - used_ < size) bytes_.resize((used_ + size) * 2);
    Codec<T>::encode(pair, bytes_.data() + used_);
    used_ += size;
    hashes_[count_] = Table::hash_of(pair.first);
    __builtin_prefetch(table_.home(hashes_[count_]));
    ++count_;
  }
  /// visit(pair, hash) for each, in order. The batch is empty then, also when a visit throws.
  template <class Visit>
  void flush(Visit&& visit) {
    constexpr std::size_t cache_line = 64;
    for (std::size_t i = 0; i < count_; ++i) {
      const std::byte* const entry = table_.find(hashes_[i]);
      if (entry == nullptr) continue;
      __builtin_prefetch(entry);
      __builtin_prefetch(entry + cache_line - 1);
    }
    const std::byte* at = bytes_.data();
    const std::byte* const end = at + std::exchange(used_, 0);
    const std::size_t count = std::exchange(count_, 0);
    for (std::size_t i = 0; i < count; ++i) visit(Codec<T>::decode(at, end), hashes_[i]);
  }

 private:
  const Table& table_;
  const std::size_t limit_;
  std::vector<std::byte> bytes_;  // of which used_ are the waiting elements
  std::size_t used_ = 0;
  std::array<std::uint64_t, most> hashes_{};
  std::size_t count_ = 0;
};

}  // namespace millrace::internal

namespace millrace {

template <class K, class V>
struct Codec<internal::LookupTable<K, V>> {
  using Table = internal::LookupTable<K, V>;
  static Table decode(const std::byte*& at, const std::byte* end) {
    internal::need(at, end, sizeof(std::uint64_t));
    const Table table({at, end});
    at = end;
    return table;
  }
};

}  // namespace millrace
