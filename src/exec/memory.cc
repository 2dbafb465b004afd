#include "exec/memory.h"

#include <algorithm>
#include <fmt/format.h>
#include <sys/mman.h>

namespace millrace::exec {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t huge = std::size_t{2} << 20;

std::byte* map_pages(std::size_t bytes) {
  const bool is_huge = bytes >= huge;
  const std::size_t mapped = is_huge ? bytes + huge : bytes;
  void* at = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    throw Error(Cause::out_of_memory, fmt::format("the system refused {} bytes of memory; lower --memory", bytes));
  }
  auto* data = static_cast<std::byte*>(at);
  if (!is_huge) return data;
  // Only aligned memory gets huge pages: cut off what is before and behind.
  const std::size_t before = (huge - reinterpret_cast<std::uintptr_t>(data) % huge) % huge;
  if (before != 0) munmap(data, before);
  if (huge != before) munmap(data + before + bytes, huge - before);
  madvise(data + before, bytes, MADV_HUGEPAGE);
  return data + before;
}

// A part of the budget is for what is not counted: code, stacks, reading buffers, the heap of small things.
std::uint64_t counted_part(std::uint64_t budget) {
  return budget - std::min<std::uint64_t>(budget / 8, std::uint64_t{64} << 20);
}

}  // namespace

Memory::Memory(std::uint64_t budget, unsigned tasks) : usable_(counted_part(budget)), slots_(std::max(tasks, 1u)) {}

Memory::~Memory() { trim(0); }

std::uint64_t Memory::task_share() const {
  // Blocks may lie where lists have grown since; tasks need some room to come forward at all.
  const std::uint64_t least = usable_ / 4;
  const std::uint64_t room = usable();
  const std::uint64_t storage = storage_.load(std::memory_order_relaxed);
  return (room > storage + least ? room - storage : least) / slots_;
}

bool Memory::try_reserve_storage(std::uint64_t bytes) {
  return reserve_storage(bytes) || (evict_ && evict_(storage_shortage(bytes)) && reserve_storage(bytes));
}

std::uint64_t Memory::storage_shortage(std::uint64_t bytes) const {
  const std::uint64_t all = usable();
  const std::uint64_t wanted = storage_.load() + bytes;
  const auto taken = static_cast<std::uint64_t>(std::max<std::int64_t>(tasks_.load(), 0));
  const std::uint64_t room = std::min(all / 2, all - std::min(all, taken));
  return wanted > room ? wanted - room : 0;
}

bool Memory::reserve_storage(std::uint64_t bytes) {
  const std::uint64_t all = usable();
  std::uint64_t used = storage_.load();
  const std::int64_t tasks = tasks_.load();
  const std::uint64_t taken = tasks > 0 ? static_cast<std::uint64_t>(tasks) : 0;
  do {
    if (used + bytes > all / 2 || used + bytes + taken > all) return false;
  } while (!storage_.compare_exchange_weak(used, used + bytes));
  return true;
}

std::size_t Memory::rounded_size(std::size_t bytes) {
  const std::size_t unit = bytes >= huge ? huge : bytes >= 16 * page ? 16 * page : page;
  return (std::max<std::size_t>(bytes, 1) + unit - 1) / unit * unit;
}

internal::Pages Memory::pages(std::size_t bytes) {
  const std::size_t rounded = rounded_size(bytes);
  return {take(rounded), rounded,
          [](void* owner, std::byte* data, std::size_t size) { static_cast<Memory*>(owner)->give_back(data, size); },
          this};
}

std::byte* Memory::take(std::size_t rounded) {
  {
    const std::lock_guard lock(mutex_);
    if (std::byte* data = take_free(rounded)) {
      free_bytes_ -= rounded;
      return data;
    }
    const std::uint64_t all = usable();
    if (mapped_bytes_ + rounded > all && free_bytes_ > 0) {
      const std::uint64_t over = mapped_bytes_ + rounded - all;
      trim(free_bytes_ > over ? free_bytes_ - over : 0);
    }
    mapped_bytes_ += rounded;
  }
  return map_pages(rounded);
}

// Large pieces are cut from the smallest extent that holds them: a table that is gone becomes the next shuffle's
// blocks. Pages that were never touched cost the system more to clear than it costs us to look.
std::byte* Memory::take_free(std::size_t rounded) {
  if (rounded < huge) {
    const auto found = free_small_.find(rounded);
    if (found == free_small_.end() || found->second.empty()) return nullptr;
    std::byte* data = found->second.back();
    found->second.pop_back();
    return data;
  }
  auto best = free_large_.end();
  for (auto extent = free_large_.begin(); extent != free_large_.end(); ++extent) {
    if (extent->second >= rounded && (best == free_large_.end() || extent->second < best->second)) best = extent;
  }
  if (best == free_large_.end()) return nullptr;
  std::byte* data = best->first;
  const std::size_t rest = best->second - rounded;
  free_large_.erase(best);
  if (rest != 0) free_large_.emplace(data + rounded, rest);
  return data;
}

void Memory::give_back(std::byte* data, std::size_t rounded) {
  const std::lock_guard lock(mutex_);
  free_bytes_ += rounded;
  if (rounded < huge) {
    free_small_[rounded].push_back(data);
  } else {
    give_back_large(data, rounded);
  }
}

void Memory::give_back_large(std::byte* data, std::size_t size) {
  auto after = free_large_.lower_bound(data);
  if (after != free_large_.end() && data + size == after->first) {
    size += after->second;
    after = free_large_.erase(after);
  }
  if (after != free_large_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == data) {
      before->second += size;
      return;
    }
  }
  free_large_.emplace(data, size);
}

// The caller holds the mutex, or is the destructor.
void Memory::trim(std::uint64_t keep) {
  for (auto& [size, list] : free_small_) {
    while (!list.empty() && free_bytes_ > keep) {
      munmap(list.back(), size);
      list.pop_back();
      free_bytes_ -= size;
      mapped_bytes_ -= size;
    }
  }
  while (!free_large_.empty() && free_bytes_ > keep) {
    const auto last = std::prev(free_large_.end());
    // In whole huge pages, from the end: what is kept stays in one piece.
    const std::uint64_t wanted = (free_bytes_ - keep + huge - 1) / huge * huge;
    const std::size_t size = std::min<std::uint64_t>(last->second, wanted);
    munmap(last->first + (last->second - size), size);
    free_bytes_ -= size;
    mapped_bytes_ -= size;
    last->second -= size;
    if (last->second == 0) free_large_.erase(last);
  }
}

}  // namespace millrace::exec
