#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "observe/run_model.h"

namespace millrace::observe {

/// What the timeline draws: settled attempts as bars on their slots, in bounded memory. Neighbours on a slot that are
/// alike become one bar for all of them, so that what is drawn stays true: no slot looks idle that was busy. When there
/// are many bars, those that together take no more than `short_time` do; when there are too many, longer ones, too.
///
/// Bars that were read stay as they are and others are added, until they are made fewer: then epoch() changes, and who
/// has read some starts again.
class Timeline : public AttemptSink {
 public:
  struct Bar {
    JobId job;
    StageId stage;
    PartitionId partition;     ///< of the first
    std::uint32_t number = 0;  ///< of the attempt
    ExecutorId executor;
    std::uint32_t slot = 0;
    std::uint32_t tasks = 1;  ///< how many attempts it stands for
    AttemptState state = AttemptState::counted;
    bool backup = false;
    std::int64_t started = 0, ended = 0;
    std::uint64_t bytes_in = 0, bytes_out = 0, spilled_bytes = 0;
  };

  static constexpr std::int64_t short_time = 100;  // microseconds: shorter tasks cannot be told apart on a screen

  explicit Timeline(std::size_t most_bars = 100'000) : most_bars_(most_bars), many_bars_(most_bars / 10) {}

  void settled(const StageRow& stage, const AttemptRow& attempt) override;

  const std::vector<Bar>& bars() const noexcept { return bars_; }
  /// The bars that are there now were read.
  void seal() noexcept { sealed_ = bars_.size(); }
  std::uint32_t epoch() const noexcept { return epoch_; }

 private:
  // Puts neighbours together until half of the room is free; those that did not count always stay.
  void thin_out();

  bool join_to_last(const Bar& bar);

  std::size_t most_bars_;
  std::size_t many_bars_;
  std::vector<Bar> bars_;  // in the order in which they were settled; on one slot, in the order of time
  std::size_t sealed_ = 0;
  std::unordered_map<std::uint64_t, std::size_t> last_;  // by slot, the last bar, of those added when there were many
  std::uint32_t epoch_ = 0;
  std::int64_t longest_joined_ = 0;
};

/// The bars of a model that has Detail::attempts.
Timeline timeline_of(const RunModel& model, std::size_t most_bars = 100'000);

}  // namespace millrace::observe
