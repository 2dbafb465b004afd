#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include <millrace/task.h>

namespace millrace::exec {

/// The memory of one process: what its tasks, shuffle blocks and caches hold together stays within the budget, and
/// pages that are given back are handed out again before the system is asked.
///
/// Blocks and caches may take half; tasks share the rest, and what blocks and caches leave, evenly. A task that is
/// refused spills. Thread-safe.
class Memory {
 public:
  /// `tasks`: how many may run at once.
  Memory(std::uint64_t budget, unsigned tasks);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  /// What one task may hold now.
  std::uint64_t task_share() const;
  void task_reserved(std::int64_t bytes) { tasks_ += bytes; }

  /// For blocks that outlive tasks. Returns false when their half is used up.
  bool try_reserve_storage(std::uint64_t bytes);
  void release_storage(std::uint64_t bytes) { storage_ -= bytes; }
  /// For the lists of blocks, which nobody can do without: never refused, and so much less for blocks and tasks.
  void reserve_lists(std::uint64_t bytes) { lists_ += bytes; }
  void release_lists(std::uint64_t bytes) { lists_ -= bytes; }
  /// Called, in any thread, when storage is short of the given bytes; returns whether it freed any. Null: nobody can.
  void set_evictor(std::function<bool(std::uint64_t)> evict) { evict_ = std::move(evict); }
  std::uint64_t storage_used() const { return storage_; }
  std::uint64_t storage_limit() const { return usable() / 2; }

  /// Whole pages, huge ones where they help; rounded_size() says how many bytes they will be. Not counted here.
  std::byte* take(std::size_t rounded);
  void give_back(std::byte* data, std::size_t rounded);
  /// take() with its give_back() bound to it.
  internal::Pages pages(std::size_t bytes);
  static std::size_t rounded_size(std::size_t bytes);

 private:
  /// Half stays for blocks and tasks, however long the lists are.
  std::uint64_t usable() const { return usable_ - std::min(lists_.load(std::memory_order_relaxed), usable_ / 2); }
  bool reserve_storage(std::uint64_t bytes);
  std::uint64_t storage_shortage(std::uint64_t bytes) const;
  std::byte* take_free(std::size_t rounded);
  void give_back_large(std::byte* data, std::size_t size);
  void trim(std::uint64_t keep);

  const std::uint64_t usable_;
  const unsigned slots_;
  std::atomic<std::int64_t> tasks_{0};
  std::atomic<std::uint64_t> storage_{0};
  std::atomic<std::uint64_t> lists_{0};
  std::function<bool(std::uint64_t)> evict_;
  std::mutex mutex_;
  std::map<std::size_t, std::vector<std::byte*>> free_small_;  // by size
  std::map<std::byte*, std::size_t> free_large_;               // extents that do not touch, in huge pages
  std::uint64_t free_bytes_ = 0;
  std::uint64_t mapped_bytes_ = 0;
};

}  // namespace millrace::exec
