#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "observe/run_rows.h"

namespace millrace::observe {

/// How much of the past a model keeps.
enum class Detail : std::uint8_t {
  totals,    ///< sums only, for progress: memory does not grow with the number of tasks
  attempts,  ///< every attempt, about 120 bytes each, for reports
};

/// An attempt that has not ended.
struct LiveAttempt {
  AttemptRow row;
  JobId job;
  bool killed = false;       ///< asked to stop
  bool start_known = false;  ///< the executor said when it started
};

/// Is told of every attempt once, when nothing about it can change any more: when it has failed, has been stopped or
/// lost, has been counted, or its job has ended without counting it.
class AttemptSink {
 public:
  virtual ~AttemptSink() = default;
  virtual void settled(const StageRow& stage, const AttemptRow& attempt) = 0;
};

/// Folds the records of a run into what happened: the one model behind progress, the text report and the page. It is
/// the same whether it is fed live or from the event log.
///
/// Takes in any sequence of records: one that speaks of what it has not been told of changes nothing.
/// Not thread-safe. Live, it is read by observers that were added to the stream after it, or when the stream is settled
/// and no one publishes.
class RunModel : public Observer {
 public:
  /// `sink` is not owned, must outlive the model, and may be null.
  explicit RunModel(Detail detail = Detail::attempts, AttemptSink* sink = nullptr) : detail_(detail), sink_(sink) {}

  void on(const Logged& record) override;

  Detail detail() const noexcept { return detail_; }
  const RunStarted& run() const noexcept { return run_; }
  const std::map<JobId, JobRow>& jobs() const noexcept { return jobs_; }
  /// Null when the job has no such stage. Valid until the next record.
  const StageRow* stage(JobId job, StageId stage) const;
  const std::map<ExecutorId, ExecutorRow>& executors() const noexcept { return executors_; }
  /// The first 1000 of them; failure_count() counts all.
  const std::vector<FailureRow>& failures() const noexcept { return failures_; }
  std::uint64_t failure_count() const noexcept { return failure_count_; }
  /// How the run ended; empty while it runs and when the log does not say.
  const std::optional<RunEnded>& end() const noexcept { return end_; }
  /// How many executors were asked for while the run went on, and came or not.
  const GrowthRow& growth() const noexcept { return growth_; }
  /// The time of the last record.
  std::int64_t now() const noexcept { return now_; }
  /// The number of records so far; what has changed since can be told by JobRow::revision.
  std::uint64_t revision() const noexcept { return revision_; }

  /// Attempts that run now.
  const std::map<AttemptId, LiveAttempt>& running() const noexcept { return running_; }
  /// Sums over all stages of all jobs, as StageRow::totals.
  sched::TaskMetrics totals() const;
  SlotTime slot_time() const;
  /// How long at least one task was running.
  std::int64_t time_with_tasks() const noexcept {
    return time_with_tasks_ + (running_.empty() ? 0 : now_ - busy_since_);
  }

 private:
  void take(const sched::ExecutorAdded& event);
  void take(const sched::ExecutorLost& event);
  void take(const sched::ExecutorDraining& event);
  void take(const sched::DriverRestarted&) {}
  void take(const sched::ExecutorReturned& event);
  void take(const sched::JobSubmitted& event);
  void take(const sched::JobCancelled&) {}
  void take(const sched::TaskStarted& event);
  void take(const sched::TaskProgress& event);
  void take(const sched::TaskSucceeded& event);
  void take(const sched::TaskFailed& event);
  void take(const sched::Tick&) {}
  void take(const sched::LaunchTask& action);
  void take(const sched::KillTask& action);
  void take(const sched::TaskCommitted& action);
  void take(const sched::StageStarted& action);
  void take(const sched::StageFinished& action);
  void take(const sched::StageSkipped& action);
  void take(const sched::ExecutorSetAside& action);
  void take(const sched::ExecutorReadmitted& action);
  void take(const sched::JobSucceeded& action);
  void take(const sched::JobFailed& action);
  void take(const sched::ExecutorsAsked& action);
  void take(const sched::RequestsWithdrawn& action);
  void take(const sched::RequestsRefused& event);
  void take(const RunStarted& fact) { run_ = fact; }
  void take(const JobPlanned& fact);
  void take(const LiveBytes& fact);
  void take(const RunEnded& fact) { end_ = fact; }

  // An attempt that succeeded and may still be said to count.
  struct Succeeded {
    JobId job;
    std::size_t place = 0;  // in StageRow::attempts
    AttemptRow row;
    sched::TaskMetrics metrics;
  };
  // Almost every success is followed by its commit: the latest one waits for it outside of the map.
  struct LatestSuccess {
    AttemptId attempt;
    Succeeded succeeded;
  };
  struct FoundStage {
    JobId job;
    StageId stage;
    JobRow* job_row = nullptr;
    StageRow* row = nullptr;
  };

  // For changes: the job is one of this revision from now on. Null when there is no such stage.
  StageRow* find_stage(JobId job, StageId stage);
  std::uint32_t take_slot(ExecutorId executor);
  // Takes the attempt out of running_ and books it. Null when it was not running.
  StageRow* end_attempt(const AttemptId& attempt, AttemptState state, const sched::TaskMetrics& metrics,
                        Cause cause = Cause::internal);
  void change_stage(JobId job, StageId stage, StageProgress state, const std::string& reason);
  void end_job(JobId id, JobProgress state, Cause cause, const std::string& reason);
  void settle(const StageRow& stage, const AttemptRow& attempt) {
    if (sink_ != nullptr) sink_->settled(stage, attempt);
  }
  void keep_latest_success();
  // The attempt's success, which is forgotten; nothing when none is known.
  std::optional<Succeeded> take_success(const AttemptId& attempt);
  // The job's attempts that succeeded and were not counted never will be.
  void settle_surplus(JobId job);
  void change_slots(std::uint64_t slots);

  Detail detail_;
  AttemptSink* sink_;
  std::int64_t now_ = 0;
  std::uint64_t revision_ = 0;
  RunStarted run_;
  std::optional<RunEnded> end_;
  std::map<JobId, JobRow> jobs_;
  std::map<ExecutorId, ExecutorRow> executors_;
  GrowthRow growth_;
  std::vector<FailureRow> failures_;
  std::uint64_t failure_count_ = 0;
  std::map<std::pair<JobId, StageId>, std::size_t> stage_rows_;  // index into JobRow::stages
  FoundStage found_;  // that find_stage() found last; rows stay where they are
  std::map<AttemptId, LiveAttempt> running_;
  std::map<AttemptId, LiveAttempt>::node_type spare_;  // of the attempt that ended last, for the next one
  std::map<AttemptId, Succeeded> succeeded_;
  std::optional<LatestSuccess> latest_success_;
  std::map<ExecutorId, std::vector<bool>> slots_taken_;
  std::int64_t busy_since_ = 0;       // when running_ was last empty
  std::int64_t time_with_tasks_ = 0;  // up to then
  double slot_time_ = 0;              // of all executors, up to slots_since_
  std::uint64_t slots_ = 0;           // of the executors that live
  std::int64_t slots_since_ = 0;
};

}  // namespace millrace::observe
