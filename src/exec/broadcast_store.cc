#include "exec/broadcast_store.h"

#include <algorithm>
#include <sys/mman.h>

#include <millrace/internal/lookup_table.h>
#include <millrace/shared.h>

#include "storage/spill_file.h"

namespace millrace::exec {

std::uint32_t BroadcastStore::add(std::vector<std::byte> value) {
  const std::lock_guard lock(mutex_);
  entries_[next_].bytes = std::move(value);
  return next_++;
}

void BroadcastStore::put(std::uint32_t id, std::vector<std::byte> value) {
  const std::lock_guard lock(mutex_);
  entries_[id].bytes = std::move(value);
  next_ = std::max(next_, id + 1);
}

bool BroadcastStore::has(std::uint32_t id) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(id);
}

std::vector<std::pair<std::uint32_t, std::uint64_t>> BroadcastStore::checksums() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::uint32_t, std::uint64_t>> out;
  for (const auto& [id, entry] : entries_) out.emplace_back(id, storage::block_checksum(entry.bytes));
  return out;
}

void BroadcastStore::remove(std::uint32_t id) {
  const std::lock_guard lock(mutex_);
  entries_.erase(id);
}

std::span<const std::byte> BroadcastStore::bytes(std::uint32_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) throw Error(Cause::usage, "a broadcast value was used after its Context had ended");
  return found->second.bytes;
}

const void* BroadcastStore::find(std::uint32_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second.value.get();
}

const void* BroadcastStore::keep(std::uint32_t id, std::shared_ptr<const void> value) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const void>& kept = entries_.at(id).value;
  if (kept == nullptr) kept = std::move(value);
  return kept.get();
}

BroadcastStore& broadcast_store() {
  static BroadcastStore store;
  return store;
}

}  // namespace millrace::exec

namespace millrace::internal {

void prefer_huge_pages(void* data, std::size_t bytes) noexcept {
  constexpr std::uintptr_t huge = std::uintptr_t{2} << 20;
  const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(data) + huge - 1) / huge * huge;
  const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(data) + bytes) / huge * huge;
  if (begin < end)
    madvise(static_cast<std::byte*>(data) + (begin - reinterpret_cast<std::uintptr_t>(data)), end - begin,
            MADV_HUGEPAGE);
}

// Looked up for every element, so each thread remembers what it found; ids are never used twice.
const void* find_broadcast(std::uint32_t id) {
  thread_local std::vector<const void*> known;
  if (id < known.size() && known[id] != nullptr) return known[id];
  const void* value = exec::broadcast_store().find(id);
  if (value == nullptr) return nullptr;
  if (id >= known.size()) known.resize(id + 1);
  known[id] = value;
  return value;
}

const void* keep_broadcast(std::uint32_t id, std::shared_ptr<const void> value) {
  return exec::broadcast_store().keep(id, std::move(value));
}

std::span<const std::byte> broadcast_bytes(std::uint32_t id) {
  TaskContext* task = TaskContext::current();
  return task != nullptr ? task->broadcast(id) : exec::broadcast_store().bytes(id);
}

}  // namespace millrace::internal
