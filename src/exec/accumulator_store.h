#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <vector>

namespace millrace::exec {

/// What committed tasks have added to the accumulators of this process's drivers. Ids are of the process. Thread-safe.
class AccumulatorStore {
 public:
  std::uint32_t add();
  void merge(std::uint32_t id, std::span<const std::byte> value,
             void (*fold)(std::vector<std::byte>& into, std::span<const std::byte> value));
  /// Empty when nothing was added yet.
  std::vector<std::byte> value(std::uint32_t id) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::uint32_t, std::vector<std::byte>> values_;
  std::uint32_t next_ = 0;
};

AccumulatorStore& accumulator_store();

}  // namespace millrace::exec
