#include "exec/split_claims.h"

namespace millrace::exec {
namespace {

// What one task may come to read: its output is lost as a whole, and other jobs wait for its slot.
constexpr std::uint64_t most_bytes = std::uint64_t{512} << 20;

}  // namespace

void SplitClaims::Stage::claim(Task& task, std::uint32_t split, const plan::Split& input) {
  taken[split] = true;
  task.splits.push_back(split);
  for (const plan::FileRange& range : input.ranges) task.bytes += range.end - range.begin;
}

std::optional<std::uint32_t> SplitClaims::split(StageId stage, std::uint32_t task, std::size_t place,
                                                const std::vector<plan::Split>& splits) {
  const std::lock_guard lock(mutex_);
  Stage& of = stages_[stage];
  of.taken.resize(splits.size());
  Task& reader = of.tasks[task];
  if (place < reader.splits.size()) return reader.splits[place];
  if (place == 0 && !of.taken[task]) {
    of.claim(reader, task, splits[task]);
    return task;
  }
  while (of.next != splits.size() && of.taken[of.next]) ++of.next;
  if (of.next == splits.size() || reader.bytes >= most_bytes) return std::nullopt;
  const auto split = static_cast<std::uint32_t>(of.next);
  of.claim(reader, split, splits[split]);
  return split;
}

}  // namespace millrace::exec
