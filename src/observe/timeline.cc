#include "observe/timeline.h"

#include <algorithm>
#include <map>
#include <utility>

namespace millrace::observe {
namespace {

bool alike(const Timeline::Bar& left, const Timeline::Bar& right) {
  return left.job == right.job && left.stage == right.stage && left.state == AttemptState::counted &&
         right.state == AttemptState::counted && left.backup == right.backup;
}

void join(Timeline::Bar& bar, const Timeline::Bar& next) {
  bar.ended = std::max(bar.ended, next.ended);
  bar.tasks += next.tasks;
  bar.bytes_in += next.bytes_in;
  bar.bytes_out += next.bytes_out;
  bar.spilled_bytes += next.spilled_bytes;
}

}  // namespace

void Timeline::settled(const StageRow& stage, const AttemptRow& attempt) {
  Bar bar;
  bar.job = stage.job;
  bar.stage = stage.id;
  bar.partition = attempt.partition;
  bar.number = attempt.number;
  bar.executor = attempt.executor;
  bar.slot = attempt.slot;
  bar.state = attempt.state;
  bar.backup = attempt.backup;
  bar.started = attempt.started;
  bar.ended = attempt.ended;
  bar.bytes_in = attempt.bytes_in;
  bar.bytes_out = attempt.bytes_out;
  bar.spilled_bytes = attempt.spilled_bytes;
  if (bars_.size() >= many_bars_ && join_to_last(bar)) return;
  if (bars_.size() >= most_bars_) thin_out();
  bars_.push_back(bar);
}

// False when the bar is one for itself, which will be added.
bool Timeline::join_to_last(const Bar& bar) {
  const auto [last, fresh] = last_.try_emplace((std::uint64_t{bar.executor.value} << 32) | bar.slot, bars_.size());
  if (!fresh && last->second >= sealed_) {
    Bar& before = bars_[last->second];
    if (alike(before, bar) && bar.ended - before.started <= short_time) {
      join(before, bar);
      return true;
    }
  }
  last->second = bars_.size();
  return false;
}

void Timeline::thin_out() {
  ++epoch_;
  sealed_ = 0;
  last_.clear();
  const std::int64_t span = bars_.back().ended;
  longest_joined_ = std::max<std::int64_t>(longest_joined_, 1 + span / static_cast<std::int64_t>(most_bars_));
  while (bars_.size() > most_bars_ / 2) {
    std::map<std::pair<ExecutorId, std::uint32_t>, std::size_t> last;  // the last bar that is kept of a slot
    std::size_t kept = 0;
    for (std::size_t i = 0; i < bars_.size(); ++i) {
      const Bar bar = bars_[i];
      const auto [place, fresh] = last.try_emplace({bar.executor, bar.slot}, kept);
      Bar& before = bars_[place->second];
      if (!fresh && alike(before, bar) && bar.ended - before.started <= longest_joined_) {
        join(before, bar);
        continue;
      }
      place->second = kept;
      bars_[kept++] = bar;
    }
    const bool all_that_can_be = longest_joined_ > 2 * span;
    bars_.resize(kept);
    longest_joined_ *= 2;
    if (!all_that_can_be) continue;
    // What cannot be joined, failures above all, is too much by itself: the oldest go.
    if (bars_.size() > most_bars_ / 2)
      bars_.erase(bars_.begin(), bars_.end() - static_cast<std::ptrdiff_t>(most_bars_ / 2));
  }
}

Timeline timeline_of(const RunModel& model, std::size_t most_bars) {
  using Settled = std::pair<const StageRow*, const AttemptRow*>;
  std::vector<Settled> attempts;
  for (const auto& [id, job] : model.jobs()) {
    for (const StageRow& stage : job.stages) {
      for (const AttemptRow& attempt : stage.attempts) attempts.emplace_back(&stage, &attempt);
    }
  }
  std::stable_sort(attempts.begin(), attempts.end(),
                   [](const Settled& left, const Settled& right) { return left.second->ended < right.second->ended; });
  Timeline timeline(most_bars);
  for (const auto& [stage, attempt] : attempts) timeline.settled(*stage, *attempt);
  return timeline;
}

}  // namespace millrace::observe
