#include "exec/cache_store.h"

#include <vector>

namespace millrace::exec {

CacheStore::CacheStore(BlockStore& blocks) : blocks_(blocks) {
  blocks_.memory().set_evictor([this](std::uint64_t bytes) { return evict(bytes); });
}

CacheStore::~CacheStore() { blocks_.memory().set_evictor(nullptr); }

std::shared_ptr<const Output> CacheStore::get(NodeId node, std::uint32_t partition) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find({node, partition});
  if (found == entries_.end()) return nullptr;
  uses_.splice(uses_.end(), uses_, found->second.use);
  return found->second.output;
}

bool CacheStore::has(NodeId node, std::uint32_t partition) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains({node, partition});
}

void CacheStore::put(NodeId node, std::uint32_t partition, plan::CacheLevel level, Output output,
                     std::uint32_t generation) {
  const bool in_memory = output.spilled_bytes < output.bytes || output.bytes == 0;
  auto kept = std::make_shared<const Output>(std::move(output));
  const std::lock_guard lock(mutex_);
  const Key key{node, partition};
  if (generation != generation_ || entries_.contains(key)) return;
  uses_.push_back(key);
  tell(key, kept->bytes);
  entries_.emplace(key, Entry{std::move(kept), level, in_memory, std::prev(uses_.end())});
}

std::uint32_t CacheStore::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

void CacheStore::begin_anew() {
  std::map<Key, Entry> gone;
  const std::lock_guard lock(mutex_);
  ++generation_;
  for (const auto& [key, entry] : entries_) tell(key, std::nullopt);
  uses_.clear();
  gone.swap(entries_);
}

void CacheStore::drop(NodeId node) {
  std::vector<std::shared_ptr<const Output>> gone;
  const std::lock_guard lock(mutex_);
  auto at = entries_.lower_bound({node, 0});
  while (at != entries_.end() && at->first.first == node) {
    gone.push_back(std::move(at->second.output));
    tell(at->first, std::nullopt);
    uses_.erase(at->second.use);
    at = entries_.erase(at);
  }
}

void CacheStore::drop(NodeId node, std::uint32_t partition) {
  std::shared_ptr<const Output> gone;
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find({node, partition});
  if (found == entries_.end()) return;
  gone = std::move(found->second.output);
  tell(found->first, std::nullopt);
  uses_.erase(found->second.use);
  entries_.erase(found);
}

std::uint32_t CacheStore::partitions(NodeId node) const {
  const std::lock_guard lock(mutex_);
  std::uint32_t count = 0;
  for (auto at = entries_.lower_bound({node, 0}); at != entries_.end() && at->first.first == node; ++at) ++count;
  return count;
}

std::uint64_t CacheStore::bytes(NodeId node) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (auto at = entries_.lower_bound({node, 0}); at != entries_.end() && at->first.first == node; ++at) {
    sum += at->second.output->bytes;
  }
  return sum;
}

bool CacheStore::evict(std::uint64_t bytes) {
  std::vector<std::shared_ptr<const Output>> gone;
  const std::lock_guard lock(mutex_);
  std::uint64_t freed = 0;
  for (auto use = uses_.begin(); use != uses_.end() && freed < bytes;) {
    const auto found = entries_.find(*use);
    const auto this_use = use++;
    Entry& entry = found->second;
    // Somebody reads it: dropping our share would free nothing.
    if (!entry.in_memory || entry.output.use_count() > 1) continue;
    freed += entry.output->bytes;
    gone.push_back(entry.output);
    if (entry.level != plan::CacheLevel::memory) {
      if (auto moved = to_disk(*entry.output)) {
        entry.output = std::move(moved);
        entry.in_memory = false;
        continue;
      }
    }
    tell(found->first, std::nullopt);
    uses_.erase(this_use);
    entries_.erase(found);
  }
  return freed > 0;
}

std::shared_ptr<const Output> CacheStore::to_disk(const Output& output) try {
  Output moved = output;
  auto file = blocks_.take_file();
  for (auto& partition : moved.partitions) {
    for (StoredBlock& block : partition) {
      if (block.file != nullptr) continue;
      block.place = file->append(block.memory.bytes);
      block.file = file;
      block.memory = {};
    }
  }
  moved.spilled_bytes = moved.bytes;
  blocks_.give_back(std::move(file));
  return std::make_shared<const Output>(std::move(moved));
} catch (const Error&) {
  return nullptr;
}

}  // namespace millrace::exec
