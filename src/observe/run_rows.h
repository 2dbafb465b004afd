#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/ids.h"
#include "observe/distribution.h"
#include "observe/logged.h"

// The rows of the run model: plain values that views read. Times are microseconds since the driver started.

namespace millrace::observe {

constexpr std::int64_t not_yet = -1;
constexpr std::uint32_t no_slot = ~std::uint32_t{0};

enum class AttemptState : std::uint8_t {
  running,
  counted,  ///< its output is the task's
  surplus,  ///< it succeeded and did not count: it was too late
  failed,
  killed,
  lost,  ///< its executor was lost
};
constexpr std::size_t attempt_states = 6;

struct AttemptRow {
  PartitionId partition;
  std::uint32_t number = 0;
  ExecutorId executor;
  std::uint32_t slot = no_slot;  ///< of the executor, from 0: the first that was free when it started; none before
  AttemptState state = AttemptState::running;
  Cause cause = Cause::internal;  ///< in state failed
  bool again = false;             ///< made an output again that had been lost
  bool backup = false;            ///< launched beside an attempt that was slow
  std::uint32_t progress = 0;     ///< millionths of its work, as last heard
  std::int64_t launched = 0, started = 0, ended = not_yet;
  std::int64_t cpu = 0;
  std::uint64_t records_in = 0, records_out = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;  ///< shuffled bytes included
  std::uint64_t spilled_bytes = 0;
  std::uint64_t peak_memory = 0;

  std::int64_t duration() const noexcept { return ended == not_yet ? 0 : ended - started; }
};

enum class StageProgress : std::uint8_t { waiting, running, finished, skipped, failed };

/// A stage within one job. A stage that several jobs share has a row in each; attempts are in the row of the job that
/// they were launched for.
struct StageRow {
  StageId id;
  JobId job;
  std::string name;
  std::vector<StageId> parents;
  std::uint32_t tasks = 0;
  std::uint32_t done = 0;         ///< tasks whose output exists or existed; lost ones are not taken off
  std::uint32_t done_before = 0;  ///< of these, the ones that the job found done
  std::uint64_t input_bytes = 0;
  StageProgress state = StageProgress::waiting;
  std::string reason;  ///< of the last change of state
  std::int64_t started = not_yet, finished = not_yet;
  std::uint32_t starts = 0;  ///< more than 1 when output was lost and made again

  std::uint32_t running = 0;     ///< attempts now
  std::uint64_t live_bytes = 0;  ///< input bytes that they have used so far, where the runner says so
  std::uint64_t launched = 0;    ///< attempts ever
  std::uint64_t adopted = 0;     ///< of these, the ones that an earlier driver of the run had launched
  std::uint64_t failed = 0, killed = 0, lost = 0, surplus = 0, made_again = 0;

  /// Sums over the attempts that counted, each task once; peak_memory is the largest.
  sched::TaskMetrics totals;
  std::int64_t task_time = 0;    ///< durations of attempts that counted
  std::int64_t wasted_time = 0;  ///< durations of all other attempts that have ended
  Distribution times;            ///< durations in microseconds, of attempts that counted, each task once
  Distribution sizes;            ///< bytes that they read, shuffled ones included
  std::vector<AttemptRow>
      attempts;  ///< those that have ended, in the order of their end; empty without Detail::attempts

  std::int64_t elapsed(std::int64_t now) const noexcept {
    return started == not_yet ? 0 : (finished == not_yet ? now : finished) - started;
  }
  std::uint64_t bytes_read() const noexcept { return totals.bytes_in + totals.shuffle_bytes_read; }
  std::uint64_t bytes_written() const noexcept { return totals.bytes_out + totals.shuffle_bytes_written; }
};

enum class JobProgress : std::uint8_t { running, succeeded, failed };

struct JobRow {
  JobId id;
  std::string name;
  JobProgress state = JobProgress::running;
  Cause cause = Cause::internal;  ///< in state failed
  std::string reason;             ///< of its end
  std::int64_t submitted = 0, ended = not_yet;
  JobPlanned plan;
  std::vector<StageRow> stages;  ///< parents before children
  std::uint64_t revision = 0;    ///< RunModel::revision() when anything of this job last changed

  std::int64_t elapsed(std::int64_t now) const noexcept { return (ended == not_yet ? now : ended) - submitted; }
};

struct ExecutorRow {
  ExecutorId id;
  std::string host;
  std::uint32_t slots = 0;
  std::string rack;
  std::int64_t added = 0, lost = not_yet;
  std::string lost_reason;
  bool draining = false;  ///< it is to be given back
  std::string draining_reason;
  std::int64_t set_aside_until = not_yet;  ///< not_yet when it is not set aside
  std::string set_aside_reason;            ///< of the last time
  std::uint64_t times_set_aside = 0;
  std::int64_t busy = 0;  ///< durations of attempts that ended on it
  std::uint64_t attempts = 0;
  std::uint64_t failed = 0;
  std::uint32_t running = 0;
  std::int64_t last_heard = 0;  ///< the time of the last event that came from it
};

/// Executors that were asked for while the run went on, because tasks waited.
struct GrowthRow {
  std::uint64_t asked = 0;
  std::uint64_t withdrawn = 0;
  std::uint64_t refused = 0;
  std::uint64_t given_back = 0;
  std::uint64_t outstanding = 0;  ///< asked for, and nothing is known of them yet
  std::int64_t last_asked = not_yet;
  std::string last_refusal;

  bool any() const noexcept { return asked + given_back > 0; }
};

struct FailureRow {
  std::int64_t at = 0;
  JobId job;
  AttemptId attempt;
  ExecutorId executor;
  Cause cause = Cause::internal;
  std::string message;
};

/// How slots were used, in slot time: one slot for one microsecond is 1.
struct SlotTime {
  double total = 0;    ///< what there was
  double cpu = 0;      ///< attempts that counted, computing
  double waiting = 0;  ///< attempts that counted, waiting: for disk, memory, locks, the processor
  double wasted = 0;   ///< attempts that did not count
  double idle = 0;     ///< no task
};

/// Smallest, median and largest of a measure over the tasks of a stage.
struct Spread {
  double least = 0, median = 0, most = 0;
  /// most / median: 1 is even. 0 when there is nothing to compare.
  double skew() const noexcept { return median > 0 ? most / median : 0; }
};

Spread spread_of_time(const StageRow& stage);   ///< of durations; over attempts that counted
Spread spread_of_bytes(const StageRow& stage);  ///< of bytes read; over attempts that counted

const char* name(AttemptState state) noexcept;
const char* name(StageProgress state) noexcept;
const char* name(JobProgress state) noexcept;

}  // namespace millrace::observe
