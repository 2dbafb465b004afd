#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace millrace::exec {

/// The broadcast values of this process, encoded and (once somebody asked) decoded. Ids are of the process, so that the
/// plain-bytes handles of any Context find theirs. Thread-safe.
class BroadcastStore {
 public:
  std::uint32_t add(std::vector<std::byte> value);
  /// A value that another process added, under its number there.
  void put(std::uint32_t id, std::vector<std::byte> value);
  bool has(std::uint32_t id) const;
  /// The values that are there: number and checksum.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> checksums() const;
  void remove(std::uint32_t id);
  /// Throws Error(usage) for a value whose Context is gone.
  std::span<const std::byte> bytes(std::uint32_t id) const;
  const void* find(std::uint32_t id) const;
  const void* keep(std::uint32_t id, std::shared_ptr<const void> value);

 private:
  struct Entry {
    std::vector<std::byte> bytes;
    std::shared_ptr<const void> value;
  };
  mutable std::mutex mutex_;
  std::map<std::uint32_t, Entry> entries_;
  std::uint32_t next_ = 0;
};

BroadcastStore& broadcast_store();

}  // namespace millrace::exec
