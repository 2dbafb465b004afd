#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <millrace/options.h>

#include "cluster/elasticity.h"
#include "cluster/executors.h"
#include "cluster/run_entry.h"
#include "cluster/run_journal.h"
#include "cluster/running_job.h"
#include "dataset/runner.h"
#include "observe/event_stream.h"
#include "sched/job/job_scheduler.h"
#include "storage/file_system.h"

namespace millrace::cluster {

/// The driver of jobs. All decisions are the job scheduler's; this class feeds it events, has the executors carry its
/// actions out, commits what attempts gave, and hands the results to the caller.
///
/// Threads: run() may be called by several threads at once, each blocks until its job ends. One mutex guards the
/// scheduler and the jobs; tasks run outside of it. Where executors have no threads (--threads 0), the caller of run()
/// runs the tasks itself, in order.
class JobRunner final : public dataset::Runner, private ExecutorListener {
 public:
  /// `journal` may be null: a run that is interrupted begins anew. `entry`, where others see how far this run has come,
  /// may be null, too, and outlives this.
  JobRunner(const Options& options, storage::FileSystem& files, observe::EventStream& events,
            std::unique_ptr<Executors> executors, RunJournal* journal = nullptr, RunEntry* entry = nullptr);
  ~JobRunner() override;

  void run(Request request, const std::function<void(std::span<const std::byte>)>& result) override;
  bool shares_machine() const override { return executors_->shares_machine() && journal_ == nullptr; }
  bool shares_memory() const override { return executors_->shares_memory() && journal_ == nullptr; }
  void drop_shuffle(ShuffleId shuffle) override;
  void drop_cached(NodeId node) override { executors_->drop_cached(node); }
  std::uint32_t cached_partitions(NodeId node) const override { return executors_->cached_partitions(node); }
  std::uint64_t cached_bytes(NodeId node) const override { return executors_->cached_bytes(node); }
  std::int64_t counter(const std::string& name) const override;

  /// Since the runner was made.
  sched::Time now() const;
  /// What the last job failed with; empty when it succeeded.
  std::string last_failure() const;
  std::uint64_t broadcast_bytes_sent() const { return executors_->broadcast_bytes_sent(); }

 private:
  void run_to_its_end(Request request, const std::function<void(std::span<const std::byte>)>& result);
  void executor_added(const sched::ExecutorAdded& added) override;
  void executor_adopted(const sched::ExecutorAdded& added, const std::map<AttemptId, std::uint64_t>& fingerprints,
                        const std::string& surplus) override;
  void executor_lost(const sched::ExecutorLost& lost) override;
  void executors_gone(const std::string& reason) override;
  void attempt_started(const AttemptId& attempt, ExecutorId executor) override;
  void attempt_ended(AttemptEnd end) override;
  void time_passed() override;
  bool observed() const override { return events_.observed(); }

  // resuming.cc: what a journal changes.
  void take_over(RunningJob& job);
  void count_earlier(RunningJob& job, AttemptEnd end);
  void commit_left_behind(RunningJob& job);
  void take_over_attempts();
  bool is_there(const RunningJob& job, const AttemptId& attempt) const;
  std::vector<AttemptId> brought_along(const plan::Stage& stage) const;
  void take_ended(RunningJob& job);
  void end_brought(AttemptEnd end);
  void take_over_output(RunningJob& job);
  void set_up_output(RunningJob& job);
  void put_in_place(RunningJob& job);
  void abandon_output(const RunningJob& job);
  void clear_attempts(const RunningJob& job);
  bool is_done(const RunningJob& job, const plan::Stage& stage, std::uint32_t task) const;
  exec::Output kept_result(const RunningJob& job, std::uint32_t task);

  sched::StageSpec spec_of(const RunningJob& job, const plan::Stage& stage) const;
  void submit(const std::shared_ptr<RunningJob>& job);
  void step(const sched::Event& event);
  void carry_out(const sched::Action& action);
  void launch(const sched::LaunchTask& action);
  void commit(const sched::TaskCommitted& action);
  void count(RunningJob& job, exec::TaskResult result);
  void end_job(JobId id, bool succeeded, Cause cause, const std::string& reason);
  void fail_attempt(RunningJob& job, AttemptEnd end);
  void forget(RunningJob& job);
  static std::vector<std::pair<std::uint32_t, exec::Output>> take_ready(RunningJob& job);
  void give(const RunningJob& job, std::uint32_t task, exec::Output output,
            const std::function<void(std::span<const std::byte>)>& result);
  std::optional<Error> give_rest(exec::Output output, std::uint64_t& given,
                                 const std::function<void(std::span<const std::byte>)>& result);
  exec::Output make_again(const RunningJob& job, std::uint32_t task);
  void deliver(const std::shared_ptr<RunningJob>& job, std::unique_lock<std::mutex>& lock,
               const std::function<void(std::span<const std::byte>)>& result);
  void wait_for_attempts(const RunningJob& job, std::unique_lock<std::mutex>& lock);
  bool run_next(std::unique_lock<std::mutex>& lock);
  void tick();
  void show(sched::Time at);
  void keep_bad_records(RunningJob& job);
  void tell_commit_failed(JobId job, const Error& error);
  void stop_everything(std::unique_lock<std::mutex>& lock);

  /// An attempt that an executor has brought along from an earlier driver, until a job takes it over.
  struct Brought {
    ExecutorId executor;
    std::uint64_t fingerprint = 0;  // of its stage
    std::optional<AttemptEnd> end;  // it has succeeded
  };

  const Options options_;
  storage::FileSystem& files_;
  RunJournal* const journal_;  // null: there is none
  observe::EventStream& events_;
  RunEntry* const entry_;
  const std::chrono::steady_clock::time_point started_;
  mutable std::mutex mutex_;
  std::condition_variable job_changed_;  // for the callers of run()
  sched::JobScheduler scheduler_;
  std::map<JobId, std::shared_ptr<RunningJob>> jobs_;
  std::map<std::pair<AttemptId, ExecutorId>, std::shared_ptr<RunningJob>> running_;
  std::map<AttemptId, Brought> brought_;
  std::uint32_t adopted_ = 0;                       // executors of earlier drivers
  std::map<AttemptId, exec::TaskResult> finished_;  // that succeeded and wait for the scheduler's word
  std::map<std::string, std::int64_t> counters_;
  std::string last_failure_;
  std::optional<Elasticity> elasticity_;        // when the number of executors is not fixed
  const std::unique_ptr<Executors> executors_;  // goes first: its threads call the functions above
};

}  // namespace millrace::cluster
