#include "exec/shuffle_store.h"

namespace millrace::exec {

void ShuffleStore::put(ShuffleId shuffle, std::uint32_t map_task, Output output) {
  auto kept = std::make_shared<const Output>(std::move(output));
  const std::lock_guard lock(mutex_);
  outputs_[shuffle][map_task].swap(kept);
}

bool ShuffleStore::has(ShuffleId shuffle, std::uint32_t map_task) const {
  const std::lock_guard lock(mutex_);
  const auto found = outputs_.find(shuffle);
  return found != outputs_.end() && found->second.contains(map_task);
}

std::shared_ptr<const Output> ShuffleStore::output(ShuffleId shuffle, std::uint32_t map_task) const {
  const std::lock_guard lock(mutex_);
  const auto found = outputs_.find(shuffle);
  if (found == outputs_.end()) return nullptr;
  const auto output = found->second.find(map_task);
  return output == found->second.end() ? nullptr : output->second;
}

std::vector<ShuffleStore::MapBlocks> ShuffleStore::blocks(ShuffleId shuffle, std::uint32_t map_tasks,
                                                          std::uint32_t partition,
                                                          std::vector<std::uint32_t>& lost) const {
  std::vector<MapBlocks> out;
  const std::lock_guard lock(mutex_);
  const auto found = outputs_.find(shuffle);
  for (std::uint32_t map_task = 0; map_task < map_tasks; ++map_task) {
    if (found == outputs_.end() || !found->second.contains(map_task)) {
      lost.push_back(map_task);
      continue;
    }
    const Output& output = *found->second.at(map_task);
    if (partition < output.partitions.size() && !output.partitions[partition].empty()) {
      out.push_back({map_task, output.partitions[partition]});
    }
  }
  return out;
}

void ShuffleStore::lose(ShuffleId shuffle, std::uint32_t map_task) {
  std::shared_ptr<const Output> gone;
  const std::lock_guard lock(mutex_);
  const auto found = outputs_.find(shuffle);
  if (found == outputs_.end()) return;
  const auto output = found->second.find(map_task);
  if (output == found->second.end()) return;
  gone = std::move(output->second);
  found->second.erase(output);
}

void ShuffleStore::drop(ShuffleId shuffle) {
  std::map<std::uint32_t, std::shared_ptr<const Output>> gone;
  const std::lock_guard lock(mutex_);
  const auto found = outputs_.find(shuffle);
  if (found == outputs_.end()) return;
  gone = std::move(found->second);
  outputs_.erase(found);
}

}  // namespace millrace::exec
