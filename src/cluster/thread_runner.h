#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <millrace/options.h>

#include "cluster/running_job.h"
#include "dataset/runner.h"
#include "exec/attempt.h"
#include "observe/event_stream.h"
#include "sched/job/job_scheduler.h"
#include "storage/file_system.h"

namespace millrace::cluster {

/// Runs jobs on threads of this process: one executor with as many slots as threads. All decisions are the job
/// scheduler's; this class feeds it events and carries out its actions.
///
/// Threads: run() may be called by several threads at once, each blocks until its job ends. One mutex guards the
/// scheduler and the jobs; tasks run outside of it. With no threads (--threads 0) the caller of run() runs the tasks
/// itself, in order.
class ThreadRunner final : public dataset::Runner {
 public:
  ThreadRunner(const Options& options, storage::FileSystem& files, observe::EventStream& events);
  ~ThreadRunner() override;

  void run(Request request, const std::function<void(std::span<const std::byte>)>& result) override;
  bool shares_memory() const override { return true; }
  void drop_shuffle(ShuffleId shuffle) override { shuffles_.drop(shuffle); }
  void drop_cached(NodeId node) override { cache_.drop(node); }
  std::uint32_t cached_partitions(NodeId node) const override { return cache_.partitions(node); }
  std::uint64_t cached_bytes(NodeId node) const override { return cache_.bytes(node); }
  std::int64_t counter(const std::string& name) const override;

  /// Since the runner was made.
  sched::Time now() const;
  /// What the last job failed with; empty when it succeeded.
  std::string last_failure() const;

 private:
  struct Launched {
    sched::LaunchTask action;
    std::shared_ptr<RunningJob> job;
    const plan::Stage* stage = nullptr;
    exec::Attempt* attempt = nullptr;  // while it runs
    bool killed = false;
  };

  void submit(const std::shared_ptr<RunningJob>& job);
  void step(const sched::Event& event);
  void carry_out(const sched::Action& action);
  void launch(const sched::LaunchTask& action);
  void kill(const sched::KillTask& action);
  void commit(const sched::TaskCommitted& action);
  void end_job(JobId id, bool succeeded, Cause cause, const std::string& reason);
  void work();
  void run_one(std::unique_lock<std::mutex>& lock);
  exec::TaskResult attempt(Launched& task, sched::TaskMetrics& metrics);
  exec::TaskResult try_once(Launched& task, exec::TaskSpec spec);
  void answer(Launched& task, exec::TaskResult result, sched::TaskMetrics metrics);
  static std::vector<std::pair<std::uint32_t, exec::Output>> take_ready(RunningJob& job);
  void give(const RunningJob& job, std::uint32_t task, exec::Output output,
            const std::function<void(std::span<const std::byte>)>& result);
  std::optional<Error> give_rest(exec::Output output, std::uint64_t& given,
                                 const std::function<void(std::span<const std::byte>)>& result);
  exec::Output make_again(const RunningJob& job, std::uint32_t task);
  void deliver(const std::shared_ptr<RunningJob>& job, std::unique_lock<std::mutex>& lock,
               const std::function<void(std::span<const std::byte>)>& result);
  void wait_for_attempts(const RunningJob& job, std::unique_lock<std::mutex>& lock);
  void tick();
  void keep_bad_records(RunningJob& job);
  void stop_everything(std::unique_lock<std::mutex>& lock);

  const Options options_;
  storage::FileSystem& files_;
  observe::EventStream& events_;
  const std::chrono::steady_clock::time_point started_;
  exec::Memory memory_;
  exec::BlockStore blocks_;
  exec::ShuffleStore shuffles_;
  exec::CacheStore cache_;
  exec::KeyCounts key_counts_;
  exec::Environment environment_;

  mutable std::mutex mutex_;
  std::condition_variable work_ready_;   // for the threads
  std::condition_variable job_changed_;  // for the callers of run()
  sched::JobScheduler scheduler_;
  std::map<JobId, std::shared_ptr<RunningJob>> jobs_;
  std::deque<std::unique_ptr<Launched>> queue_;
  std::map<AttemptId, Launched*> running_;
  std::map<AttemptId, exec::TaskResult> finished_;  // that succeeded and wait for the scheduler's word
  std::map<std::string, std::int64_t> counters_;
  std::string last_failure_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace millrace::cluster
