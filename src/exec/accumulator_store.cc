#include "exec/accumulator_store.h"

#include <millrace/shared.h>

namespace millrace::exec {

std::uint32_t AccumulatorStore::add() {
  const std::lock_guard lock(mutex_);
  return next_++;
}

void AccumulatorStore::merge(std::uint32_t id, std::span<const std::byte> value,
                             void (*fold)(std::vector<std::byte>&, std::span<const std::byte>)) {
  const std::lock_guard lock(mutex_);
  fold(values_[id], value);
}

std::vector<std::byte> AccumulatorStore::value(std::uint32_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = values_.find(id);
  return found == values_.end() ? std::vector<std::byte>() : found->second;
}

AccumulatorStore& accumulator_store() {
  static AccumulatorStore store;
  return store;
}

}  // namespace millrace::exec

namespace millrace::internal {

std::vector<std::byte> accumulator_bytes(std::uint32_t id) { return exec::accumulator_store().value(id); }

}  // namespace millrace::internal
