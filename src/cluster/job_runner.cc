#include "cluster/job_runner.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include "cluster/interrupt.h"
#include "exec/accumulator_store.h"

namespace millrace::cluster {
namespace {

// The files that the job reads, each once; enough of them to recognise the input.
std::vector<observe::InputFact> inputs_of(const plan::Job& job) {
  constexpr std::size_t most = 100;
  std::vector<observe::InputFact> out;
  for (const plan::Stage& stage : job.stages) {
    for (const auto& [node, source] : stage.sources) {
      for (const plan::Split& split : source.splits) {
        for (const plan::FileRange& range : split.ranges) {
          if (!out.empty() && out.back().path == range.path) {
            out.back().bytes += range.end - range.begin;
          } else if (out.size() < most) {
            out.push_back({range.path, range.end - range.begin});
          }
        }
      }
    }
  }
  return out;
}

// What the task reads of files, when that is all it reads; else 0.
std::uint64_t input_bytes(const plan::Stage& stage, std::uint32_t task) {
  if (!stage.reads.empty() || stage.sources.size() != 1) return 0;
  const auto& splits = stage.sources.begin()->second.splits;
  const std::uint32_t partition = stage.partitions[task];
  std::uint64_t sum = 0;
  if (partition >= splits.size()) return 0;
  for (const plan::FileRange& range : splits[partition].ranges) sum += range.end - range.begin;
  return sum;
}

// The place of the first job's success from `from` on; the number of actions when there is none.
std::size_t next_success(const std::vector<sched::Action>& actions, std::size_t from) {
  while (from < actions.size() && !std::holds_alternative<sched::JobSucceeded>(actions[from])) ++from;
  return from;
}

std::uint32_t millionths(std::uint64_t part, std::uint64_t all) {
  return static_cast<std::uint32_t>(1e6 * static_cast<double>(std::min(part, all)) / static_cast<double>(all));
}

// When the caller has its job back, however it ended, the views have been told all of it.
struct Settled {
  observe::EventStream& events;
  ~Settled() { events.settle(); }
};

}  // namespace

JobRunner::JobRunner(const Options& options, storage::FileSystem& files, observe::EventStream& events,
                     std::unique_ptr<Executors> executors, RunJournal* journal, RunEntry* entry)
    : options_(options),
      files_(files),
      journal_(journal),
      events_(events),
      entry_(entry),
      started_(std::chrono::steady_clock::now()),
      scheduler_([&] {
        sched::Options scheduling;
        scheduling.retry.max_attempts = options.attempts;
        scheduling.sharing = options.fair ? sched::Sharing::fair : sched::Sharing::fifo;
        scheduling.backups.on = !options.no_backups;
        scheduling.outputs_die_with_executor = journal == nullptr && executors->outputs_die_with_executor();
        scheduling.queues.most = executors->longest_queue();
        return scheduling;
      }()),
      executors_(std::move(executors)) {
  install_interrupt_handlers();
  if (ElasticExecutors* elastic = executors_->elastic()) elasticity_.emplace(options, *elastic);
  // Attempts of earlier drivers may still write under their numbers.
  for (std::uint32_t i = 0; journal_ != nullptr && i < journal_->restarts(); ++i) step(sched::DriverRestarted{});
  executors_->start(*this);
  if (journal_ != nullptr) take_over_attempts();
}

JobRunner::~JobRunner() = default;

sched::Time JobRunner::now() const {
  return {std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_).count()};
}

std::int64_t JobRunner::counter(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = counters_.find(name);
  return found == counters_.end() ? 0 : found->second;
}

std::string JobRunner::last_failure() const {
  const std::lock_guard lock(mutex_);
  return last_failure_;
}

// For those who list runs.
void JobRunner::show(sched::Time at) {
  if (entry_ == nullptr) return;
  if (entry_->due(at, scheduler_.live_jobs())) entry_->write(at, scheduler_.summary());
}

// Time passes for the views: they learn how far the running tasks have come.
void JobRunner::tick() {
  show(now());
  if (!events_.observed()) return;
  std::map<std::pair<JobId, StageId>, std::uint64_t> bytes;
  std::map<AttemptId, JobId> jobs;
  for (const auto& [attempt, job] : running_) jobs.emplace(attempt.first, job->request.job.id);
  executors_->progress([&](const AttemptId& attempt, ExecutorId, std::uint64_t used) {
    if (const auto job = jobs.find(attempt); job != jobs.end()) bytes[{job->second, attempt.stage}] += used;
  });
  for (const auto& [stage, used] : bytes) {
    events_.publish(now(), std::variant<observe::LiveBytes>(observe::LiveBytes{stage.first, stage.second, used}));
  }
  events_.publish(now(), std::variant<sched::Tick>(sched::Tick{}));
}

// An error that the program does not catch comes to the terminate handler with no lock held: it has been caught here.
void JobRunner::run(Request request, const std::function<void(std::span<const std::byte>)>& result) try {
  run_to_its_end(std::move(request), result);
} catch (const Error&) {
  throw;
}

void JobRunner::run_to_its_end(Request request, const std::function<void(std::span<const std::byte>)>& result) {
  auto job = std::make_shared<RunningJob>();
  job->request = std::move(request);
  for (const plan::Stage& stage : job->request.job.stages) job->stages[stage.id] = &stage;
  job->map_tasks = std::make_shared<const std::map<ShuffleId, std::uint32_t>>(job->request.map_tasks);
  if (options_.skip_bad_records != 0) {
    job->skips_left = std::make_shared<std::atomic<std::int64_t>>(static_cast<std::int64_t>(options_.skip_bad_records));
  }
  if (journal_ != nullptr) take_over(*job);
  set_up_output(*job);
  const Interruptible interruptible;
  const Settled settled{events_};
  std::unique_lock lock(mutex_);
  if (journal_ != nullptr) commit_left_behind(*job);
  submit(job);
  try {
    deliver(job, lock, result);
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    step(sched::JobCancelled{job->request.job.id, "the driver could not take its results"});
    wait_for_attempts(*job, lock);
    abandon_output(*job);
    executors_->drop_job(job->request.job.id);
    jobs_.erase(job->request.job.id);
    throw;
  }
  wait_for_attempts(*job, lock);
  clear_attempts(*job);
  executors_->drop_job(job->request.job.id);
  jobs_.erase(job->request.job.id);
  lock.unlock();
  if (!job->succeeded) {
    abandon_output(*job);
    throw Error(job->cause, job->reason);
  }
  if (!job->bad_records.empty() && !job->done_before) keep_bad_records(*job);
  put_in_place(*job);
}

// All of its tasks were done, and the scheduler said so.
void JobRunner::tell_commit_failed(JobId job, const Error& error) {
  const std::lock_guard lock(mutex_);
  last_failure_ = error.what();
  if (!events_.observed()) return;
  events_.publish(now(), sched::Action(sched::JobFailed{job, error.cause(), error.what()}));
}

// Skipped records, where the user can look at them: with the output, or in the temporary directory when there is none.
void JobRunner::keep_bad_records(RunningJob& job) {
  constexpr std::uint32_t own_partition = RunningJob::bad_records_partition;
  const std::string name = "_bad_records";
  const std::string path =
      job.commit != nullptr ? job.commit->attempt_directory(own_partition, 0) + "/" + name
                            : fmt::format("{}/millrace-bad-records-{}-{}", options_.tmp, getpid(), job.request.job.id);
  // A driver before this one may have kept them; the user of this one wants to know of them all the same.
  if (job.commit == nullptr || !job.commit->is_committed(own_partition)) {
    std::string text;
    for (const exec::BadRecord& record : job.bad_records) {
      text += fmt::format("# {}, byte {}: {}\n{}\n", record.path, record.offset, record.message, record.content);
    }
    auto file = files_.create(path);
    file->write(std::as_bytes(std::span(text.data(), text.size())));
    file->close();
    if (job.commit != nullptr) job.commit->commit_task(own_partition, 0);
  }
  fmt::print(stderr, "millrace: {} bad records were skipped; they are in {}\n", job.bad_records.size(),
             job.commit != nullptr ? job.result_stage().output_directory + "/" + name : path);
}

sched::StageSpec JobRunner::spec_of(const RunningJob& job, const plan::Stage& stage) const {
  sched::StageSpec spec;
  spec.id = stage.id;
  spec.name = stage.name;
  spec.tasks = static_cast<std::uint32_t>(stage.partitions.size());
  spec.parents = stage.parents;
  spec.input_bytes = stage.input_bytes;
  for (std::uint32_t task = 0; journal_ != nullptr && task < spec.tasks; ++task) {
    spec.done.push_back(is_done(job, stage, task));
  }
  if (journal_ != nullptr) spec.running = brought_along(stage);
  for (std::uint32_t task = 0; journal_ == nullptr && stage.output && task < spec.tasks; ++task) {
    const auto holder = executors_->holder(stage.output->shuffle, task);
    spec.done.push_back(holder.has_value());
    spec.holders.push_back(holder.value_or(sched::no_executor));
  }
  for (const auto& [node, level] : stage.cached) {
    for (std::uint32_t task = 0; task < spec.tasks; ++task) {
      auto holders = executors_->cache_holders(node, stage.partitions[task]);
      if (holders.empty()) continue;
      spec.places.resize(spec.tasks);
      auto& near = spec.places[task].executors;
      near.insert(near.end(), holders.begin(), holders.end());
    }
  }
  return spec;
}

void JobRunner::submit(const std::shared_ptr<RunningJob>& job) {
  sched::JobSpec spec;
  spec.id = job->request.job.id;
  spec.name = job->request.job.name;
  for (const plan::Stage& stage : job->request.job.stages) {
    spec.stages.push_back(spec_of(*job, stage));
  }
  const auto& done = spec.stages.back().done;
  for (std::uint32_t task = 0; task < done.size(); ++task) {
    if (done[task]) job->results.emplace(task, exec::Output{});  // it is in the journal
  }
  jobs_[spec.id] = job;
  if (events_.observed()) {
    observe::JobPlanned planned{spec.id, job->request.plan_text, inputs_of(job->request.job),
                                job->result_stage().output_directory};
    events_.publish(now(), std::variant<observe::JobPlanned>(std::move(planned)));
  }
  step(sched::JobSubmitted{std::move(spec)});
}

// The results that the caller can have next, with the tasks that gave them.
std::vector<std::pair<std::uint32_t, exec::Output>> JobRunner::take_ready(RunningJob& job) {
  std::vector<std::pair<std::uint32_t, exec::Output>> ready;
  for (auto next = job.results.begin(); next != job.results.end() && next->first == job.next_result;
       next = job.results.erase(next)) {
    ready.emplace_back(next->first, std::move(next->second));
    ++job.next_result;
  }
  return ready;
}

void JobRunner::give(const RunningJob& job, std::uint32_t task, exec::Output output,
                     const std::function<void(std::span<const std::byte>)>& result) {
  std::uint64_t given = 0;
  unsigned attempts = 1;
  if (journal_ != nullptr) output = kept_result(job, task);
  while (const std::optional<Error> lost = give_rest(std::move(output), given, result)) {
    if (attempts++ >= options_.attempts) throw *lost;
    output = make_again(job, task);
  }
}

// Gives what comes after the first `given` bytes, and counts it there. Returns the error when a block is lost.
std::optional<Error> JobRunner::give_rest(exec::Output output, std::uint64_t& given,
                                          const std::function<void(std::span<const std::byte>)>& result) {
  std::uint64_t bytes_read = 0;
  std::uint64_t known = given;
  for (auto& partition : output.partitions) {
    exec::StoredBlockStream blocks([this](std::size_t bytes) { return executors_->memory().pages(bytes); },
                                   std::move(partition), &bytes_read);
    for (internal::Block block;;) {
      try {
        if (!blocks.next(block)) break;
      } catch (const Error& error) {
        if (error.cause() != Cause::lost_input) throw;
        return error;
      }
      const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(known, block.bytes.size()));
      known -= skipped;
      if (skipped == block.bytes.size()) continue;
      result(block.bytes.subspan(skipped));
      given += block.bytes.size() - skipped;
    }
  }
  return std::nullopt;
}

// The scheduler is done with the task, and nothing but its result counts now: it runs here, in the caller's thread.
exec::Output JobRunner::make_again(const RunningJob& job, std::uint32_t task) {
  std::atomic<std::int64_t> skips_left = static_cast<std::int64_t>(options_.skip_bad_records);
  exec::TaskSpec spec;
  spec.stage = &job.result_stage();
  spec.task = task;
  spec.attempt = 1;
  spec.map_tasks = job.request.map_tasks;
  if (job.skips_left != nullptr) spec.skips_left = &skips_left;
  exec::TaskResult result = executors_->run_here(std::move(spec));
  if (!result.succeeded) throw Error(result.cause, result.message);
  return std::move(result.output);
}

// Hands results to the caller in order, outside of the lock, until the job has ended.
void JobRunner::deliver(const std::shared_ptr<RunningJob>& job, std::unique_lock<std::mutex>& lock,
                        const std::function<void(std::span<const std::byte>)>& result) {
  // Small tasks end faster than a sleeping thread wakes: one that came for each result would be in the workers' way.
  constexpr std::chrono::microseconds between_deliveries(100);
  bool delivered = false;
  for (;;) {
    if (interrupted()) stop_everything(lock);
    if (auto ready = take_ready(*job); !ready.empty()) {
      lock.unlock();
      for (auto& [task, output] : ready) give(*job, task, std::move(output), result);
      lock.lock();
      delivered = true;
      continue;
    }
    if (job->ended) return;
    if (run_next(lock)) {
      continue;
    }
    if (std::exchange(delivered, false)) {
      lock.unlock();
      std::this_thread::sleep_for(between_deliveries);
      lock.lock();
    } else if (job_changed_.wait_for(lock, std::chrono::milliseconds(100)) == std::cv_status::timeout) {
      tick();
    }
  }
}

// Attempts that were killed may still be writing where the output is cleaned up.
void JobRunner::wait_for_attempts(const RunningJob& job, std::unique_lock<std::mutex>& lock) {
  while (job.running != 0) {
    if (!run_next(lock)) job_changed_.wait(lock);
  }
}

bool JobRunner::run_next(std::unique_lock<std::mutex>& lock) {
  if (!executors_->in_calling_thread()) return false;
  lock.unlock();
  const bool ran = executors_->run_next();
  lock.lock();
  return ran;
}

// After Ctrl-C: every attempt is told to stop and given a moment, the temporary outputs go, and so does the process.
void JobRunner::stop_everything(std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  executors_->stop(std::chrono::seconds(1));
  lock.lock();
  for (const auto& [id, job] : jobs_) {
    abandon_output(*job);
  }
  if (events_.observed()) {
    constexpr int status = 130;
    observe::RunEnded ended{status, "interrupted", broadcast_bytes_sent()};
    events_.publish(now(), std::variant<observe::RunEnded>(std::move(ended)));
    events_.settle();
  }
  if (journal_ != nullptr) fmt::print(stderr, "millrace: {}\n", journal_->how_to_go_on());
  exit_interrupted();
}

// The views are told of a step all at once, before it is carried out; but of a job's success only after all that comes
// before: the task whose files cannot be renamed may be its last one.
void JobRunner::step(const sched::Event& event) {
  const bool observed = events_.observed();
  const sched::Time at = now();
  std::vector<sched::Action> actions;
  scheduler_.step(event, at, actions);
  std::map<JobId, std::string> failures;
  std::size_t told = next_success(actions, 0);
  if (observed) events_.publish(at, event, std::span(actions).first(told));
  for (std::size_t i = 0; i < actions.size(); ++i) {
    if (i == told) {
      const bool failed = failures.contains(std::get<sched::JobSucceeded>(actions[i]).job);
      const std::size_t from = failed ? i + 1 : i;
      told = next_success(actions, i + 1);
      if (observed) events_.publish(at, std::span(actions).subspan(from, told - from));
      if (failed) continue;
    }
    try {
      carry_out(actions[i]);
    } catch (const Error& error) {  // its files could not be renamed into place, or the results exceed their limit
      const JobId job = std::get<sched::TaskCommitted>(actions[i]).job;
      failures.emplace(job, error.what());
      end_job(job, false, error.cause(), error.what());
    }
  }
  for (const auto& [job, reason] : failures) step(sched::JobCancelled{job, reason});
  show(at);
}

void JobRunner::carry_out(const sched::Action& action) {
  if (const auto* launched = std::get_if<sched::LaunchTask>(&action)) {
    launch(*launched);
  } else if (const auto* killed = std::get_if<sched::KillTask>(&action)) {
    executors_->kill(killed->attempt, killed->executor);
  } else if (const auto* committed = std::get_if<sched::TaskCommitted>(&action)) {
    commit(*committed);
  } else if (const auto* succeeded = std::get_if<sched::JobSucceeded>(&action)) {
    end_job(succeeded->job, true, Cause::internal, succeeded->reason);
  } else if (const auto* failed = std::get_if<sched::JobFailed>(&action)) {
    end_job(failed->job, false, failed->cause, failed->reason);
  }
}

void JobRunner::launch(const sched::LaunchTask& action) {
  const auto& job = jobs_.at(action.job);
  const plan::Stage& stage = *job->stages.at(action.attempt.stage);
  Launch launch;
  launch.job = action.job;
  launch.attempt = action.attempt;
  launch.executor = action.executor;
  launch.stage = std::shared_ptr<const plan::Stage>(job, &stage);
  launch.map_tasks = job->map_tasks;
  launch.skips_left = job->skips_left;
  if (journal_ != nullptr) launch.fingerprint = journal_->fingerprint(stage.id);
  if (job->commit != nullptr && !stage.output) {
    launch.output_directory =
        job->commit->attempt_path(stage.partitions[action.attempt.partition.value], action.attempt.number);
  }
  ++job->running;
  running_.emplace(std::pair(action.attempt, action.executor), job);
  if (action.adopted) {
    brought_.erase(action.attempt);
    executors_->adopt(std::move(launch));
  } else {
    executors_->launch(std::move(launch));
  }
}

void JobRunner::commit(const sched::TaskCommitted& action) {
  const auto found = finished_.find(action.attempt);
  const auto job = jobs_.find(action.job);
  if (found == finished_.end() || job == jobs_.end()) return;
  exec::TaskResult result = std::move(found->second);
  finished_.erase(found);
  RunningJob& running = *job->second;
  const plan::Stage& stage = *running.stages.at(action.attempt.stage);
  const std::uint32_t task = action.attempt.partition.value;
  bool first = action.first;
  if (stage.result_limit) {
    running.result_bytes += result.output.bytes;
    stage.result_limit->check(running.result_bytes);
  }
  if (!stage.output && running.commit != nullptr) {
    running.commit->commit_task(stage.partitions[task], action.attempt.number);
  }
  if (journal_ != nullptr) {
    AttemptEnd end{action.job, action.attempt, action.executor, false, std::move(result), {}};
    end.metrics.skipped_records = end.result.skipped_records;
    first = journal_->commit(end, stage, action.first);
    result = std::move(end.result);
  } else if (stage.output) {
    executors_->keep(stage.output->shuffle, task, action.executor, std::move(result.output));
  }
  if (!stage.output) {
    running.results.emplace(task, std::move(result.output));
    job_changed_.notify_all();
  }
  if (first) {
    count(running, std::move(result));
  } else if (running.skips_left != nullptr) {  // they were counted the first time
    *running.skips_left += static_cast<std::int64_t>(result.skipped_records);
  }
}

void JobRunner::count(RunningJob& job, exec::TaskResult result) {
  for (const auto& [name, amount] : result.counters) counters_[name] += amount;
  for (const auto& [id, sum] : result.accumulators) exec::accumulator_store().merge(id, sum.value, sum.merge);
  for (auto& record : result.bad_records) job.bad_records.push_back(std::move(record));
}

void JobRunner::end_job(JobId id, bool succeeded, Cause cause, const std::string& reason) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second->ended) return;
  RunningJob& job = *found->second;
  job.ended = true;
  job.succeeded = succeeded;
  job.cause = cause;
  job.reason = reason;
  last_failure_ = succeeded ? std::string() : reason;
  job_changed_.notify_all();
}

void JobRunner::executor_added(const sched::ExecutorAdded& added) {
  const std::lock_guard lock(mutex_);
  step(added);
}

void JobRunner::executor_lost(const sched::ExecutorLost& lost) {
  const std::lock_guard lock(mutex_);
  std::erase_if(brought_, [&](const auto& each) { return each.second.executor == lost.executor && !each.second.end; });
  for (auto running = running_.begin(); running != running_.end();) {
    const auto here = running++;
    if (here->first.second != lost.executor) continue;
    forget(*here->second);
    running_.erase(here);
  }
  step(lost);
}

void JobRunner::executors_gone(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  std::vector<JobId> jobs;
  for (const auto& [id, job] : jobs_) {
    if (!job->ended) jobs.push_back(id);
  }
  for (const JobId id : jobs) {
    end_job(id, false, Cause::lost_node, reason);
    step(sched::JobCancelled{id, reason});
  }
}

void JobRunner::attempt_started(const AttemptId& attempt, ExecutorId executor) {
  const std::lock_guard lock(mutex_);
  step(sched::TaskStarted{attempt, executor});
}

void JobRunner::attempt_ended(AttemptEnd end) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find({end.attempt, end.executor});
  if (found == running_.end()) return end_brought(std::move(end));
  const std::shared_ptr<RunningJob> job = std::move(found->second);
  running_.erase(found);
  if (interrupted()) {
    forget(*job);
    job_changed_.notify_all();
    return;
  }
  if (end.result.succeeded && journal_ != nullptr && journal_->is_of_earlier_life(end.attempt)) {
    if (end.unclaimed && job->skips_left != nullptr) {
      *job->skips_left -= static_cast<std::int64_t>(end.result.skipped_records);
    }
    if (!is_there(*job, end.attempt)) {
      end.result.succeeded = false;
      end.result.cause = Cause::lost_node;
      end.result.message = "what it made went before its executor was adopted";
    }
  }
  if (end.result.succeeded && !end.killed) {
    const AttemptId id = end.attempt;
    finished_[id] = std::move(end.result);
    step(sched::TaskSucceeded{id, end.executor, std::move(end.metrics)});
    finished_.erase(id);
  } else {
    fail_attempt(*job, std::move(end));
  }
  forget(*job);
}

// How far the running attempts have come, of those whose input has a size; then the scheduler may look at the time.
void JobRunner::time_passed() {
  std::vector<sched::TaskProgress> progress;
  std::unique_lock lock(mutex_);
  if (interrupted() && jobs_.empty()) stop_everything(lock);  // nobody is in run() to do it
  executors_->progress([&](const AttemptId& attempt, ExecutorId executor, std::uint64_t used) {
    const auto running = running_.find({attempt, executor});
    if (running == running_.end()) return;
    const plan::Stage& stage = *running->second->stages.at(attempt.stage);
    const std::uint64_t all = input_bytes(stage, attempt.partition.value);
    if (all != 0) progress.push_back({attempt, executor, millionths(used, all)});
  });
  for (const sched::TaskProgress& each : progress) step(each);
  step(sched::Tick{});
  if (!elasticity_) return;
  elasticity_->step(scheduler_, now(), events_, [this](const sched::ExecutorDraining& draining) { step(draining); });
}

// An attempt of the job is over.
void JobRunner::forget(RunningJob& job) {
  if (--job.running == 0 && job.ended) job_changed_.notify_all();
}

void JobRunner::fail_attempt(RunningJob& job, AttemptEnd end) {
  sched::TaskFailure failure;
  failure.cause = end.killed ? Cause::lost_node : end.result.cause;
  failure.message = end.killed ? "it was told to stop" : end.result.message;
  for (const exec::LostOutput& lost : end.result.lost) {
    for (const auto& [stage_id, stage] : job.stages) {
      if (!stage->output || stage->output->shuffle != lost.shuffle) continue;
      executors_->lose(lost.shuffle, lost.map_task);
      if (journal_ != nullptr) journal_->lose(stage_id, lost.map_task);
      failure.lost.push_back({stage_id, PartitionId{lost.map_task}, 0});
    }
  }
  const plan::Stage& stage = *job.stages.at(end.attempt.stage);
  if (job.commit != nullptr && !stage.output) {
    job.commit->abort_task(stage.partitions[end.attempt.partition.value], end.attempt.number);
  }
  step(sched::TaskFailed{end.attempt, end.executor, std::move(failure), std::move(end.metrics)});
}

}  // namespace millrace::cluster
