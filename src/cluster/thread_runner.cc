#include "cluster/thread_runner.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include "cluster/interrupt.h"
#include "exec/accumulator_store.h"

namespace millrace::cluster {
namespace {

constexpr ExecutorId this_executor{0};

std::int64_t thread_cpu_microseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1000000 + time.tv_nsec / 1000;
}

sched::TaskMetrics metrics_of(const exec::TaskResult& result) {
  sched::TaskMetrics out;
  out.records_in = result.records_in;
  out.bytes_in = result.bytes_in;
  out.records_out = result.records_out;
  out.bytes_out = result.bytes_out;
  out.shuffle_bytes_read = result.shuffle_bytes_read;
  out.shuffle_bytes_written = result.output.bytes;
  out.spills = result.spills;
  out.spilled_bytes = result.spilled_bytes;
  out.peak_memory = result.peak_memory;
  out.skipped_records = result.skipped_records;
  out.counters = result.counters;
  return out;
}

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

}  // namespace

ThreadRunner::ThreadRunner(const Options& options, storage::FileSystem& files, observe::EventStream& events)
    : options_(options),
      files_(files),
      events_(events),
      started_(std::chrono::steady_clock::now()),
      memory_(options.memory_bytes, std::max(options.threads, 1u)),
      blocks_(memory_, files, options.tmp, options.file_shuffle ? exec::Carrier::files : exec::Carrier::memory),
      cache_(blocks_),
      environment_{memory_, blocks_, shuffles_, cache_, files, key_counts_},
      scheduler_([&] {
        sched::Options scheduling;
        scheduling.retry.max_attempts = options.attempts;
        return scheduling;
      }()) {
  install_interrupt_handlers();
  const std::lock_guard lock(mutex_);
  step(sched::ExecutorAdded{this_executor, std::max(options.threads, 1u), "this process"});
  for (unsigned i = 0; i < options.threads; ++i) threads_.emplace_back([this] { work(); });
}

ThreadRunner::~ThreadRunner() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

sched::Time ThreadRunner::now() const {
  return {std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_).count()};
}

std::int64_t ThreadRunner::counter(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = counters_.find(name);
  return found == counters_.end() ? 0 : found->second;
}

std::string ThreadRunner::last_failure() const {
  const std::lock_guard lock(mutex_);
  return last_failure_;
}

// Time passes for the views: they learn how far the running tasks have come.
void ThreadRunner::tick() {
  if (!events_.observed()) return;
  std::map<std::pair<JobId, StageId>, std::uint64_t> bytes;
  for (const auto& [id, task] : running_) {
    if (task->attempt != nullptr) bytes[{task->action.job, id.stage}] += task->attempt->progress_bytes();
  }
  for (const auto& [stage, used] : bytes) {
    events_.publish(now(), std::variant<observe::LiveBytes>(observe::LiveBytes{stage.first, stage.second, used}));
  }
  events_.publish(now(), std::variant<sched::Tick>(sched::Tick{}));
}

void ThreadRunner::run(Request request, const std::function<void(std::span<const std::byte>)>& result) {
  auto job = std::make_shared<RunningJob>();
  job->request = std::move(request);
  for (const plan::Stage& stage : job->request.job.stages) job->stages[stage.id] = &stage;
  job->may_skip = options_.skip_bad_records != 0;
  job->skips_left = static_cast<std::int64_t>(options_.skip_bad_records);
  const std::string& directory = job->result_stage().output_directory;
  if (!directory.empty()) {
    const std::string token = fmt::format("{}-{}", getpid(), job->request.job.id);
    job->commit = std::make_unique<storage::OutputCommit>(files_, directory, options_.overwrite, token);
    try {
      job->commit->set_up_job();
    } catch (...) {
      job->commit->abort_job();
      throw;
    }
  }
  const InterruptibleJob interruptible;
  std::unique_lock lock(mutex_);
  submit(job);
  try {
    deliver(job, lock, result);
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    step(sched::JobCancelled{job->request.job.id, "the driver could not take its results"});
    wait_for_attempts(*job, lock);
    if (job->commit != nullptr) job->commit->abort_job();
    jobs_.erase(job->request.job.id);
    throw;
  }
  wait_for_attempts(*job, lock);
  jobs_.erase(job->request.job.id);
  lock.unlock();
  if (!job->succeeded) {
    if (job->commit != nullptr) job->commit->abort_job();
    throw Error(job->cause, job->reason);
  }
  if (!job->bad_records.empty()) keep_bad_records(*job);
  if (job->commit == nullptr) return;
  try {
    job->commit->commit_job();
  } catch (...) {
    job->commit->abort_job();
    throw;
  }
}

// Skipped records, where the user can look at them: with the output, or in the temporary directory when there is none.
void ThreadRunner::keep_bad_records(RunningJob& job) {
  std::string text;
  for (const exec::BadRecord& record : job.bad_records) {
    text += fmt::format("# {}, byte {}: {}\n{}\n", record.path, record.offset, record.message, record.content);
  }
  constexpr std::uint32_t own_partition = ~std::uint32_t{0};
  const std::string name = "_bad_records";
  const std::string path =
      job.commit != nullptr ? job.commit->attempt_directory(own_partition, 0) + "/" + name
                            : fmt::format("{}/millrace-bad-records-{}-{}", options_.tmp, getpid(), job.request.job.id);
  auto file = files_.create(path);
  file->write(std::as_bytes(std::span(text.data(), text.size())));
  file->close();
  if (job.commit != nullptr) job.commit->commit_task(own_partition, 0);
  fmt::print(stderr, "millrace: {} bad records were skipped; they are in {}\n", job.bad_records.size(),
             job.commit != nullptr ? job.result_stage().output_directory + "/" + name : path);
}

void ThreadRunner::submit(const std::shared_ptr<RunningJob>& job) {
  sched::JobSpec spec;
  spec.id = job->request.job.id;
  spec.name = job->request.job.name;
  for (const plan::Stage& stage : job->request.job.stages) {
    sched::StageSpec each;
    each.id = stage.id;
    each.name = stage.name;
    each.tasks = static_cast<std::uint32_t>(stage.partitions.size());
    each.parents = stage.parents;
    each.input_bytes = stage.input_bytes;
    if (stage.output) {
      for (std::uint32_t task = 0; task < each.tasks; ++task) {
        each.done.push_back(shuffles_.has(stage.output->shuffle, task));
      }
    }
    spec.stages.push_back(std::move(each));
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
std::vector<std::pair<std::uint32_t, exec::Output>> ThreadRunner::take_ready(RunningJob& job) {
  std::vector<std::pair<std::uint32_t, exec::Output>> ready;
  for (auto next = job.results.begin(); next != job.results.end() && next->first == job.next_result;
       next = job.results.erase(next)) {
    ready.emplace_back(next->first, std::move(next->second));
    ++job.next_result;
  }
  return ready;
}

void ThreadRunner::give(const RunningJob& job, std::uint32_t task, exec::Output output,
                        const std::function<void(std::span<const std::byte>)>& result) {
  std::uint64_t given = 0;
  unsigned attempts = 1;
  while (const std::optional<Error> lost = give_rest(std::move(output), given, result)) {
    if (attempts++ >= options_.attempts) throw *lost;
    output = make_again(job, task);
  }
}

// Gives what comes after the first `given` bytes, and counts it there. Returns the error when a block is lost.
std::optional<Error> ThreadRunner::give_rest(exec::Output output, std::uint64_t& given,
                                             const std::function<void(std::span<const std::byte>)>& result) {
  std::uint64_t bytes_read = 0;
  std::uint64_t known = given;
  for (auto& partition : output.partitions) {
    exec::StoredBlockStream blocks([this](std::size_t bytes) { return memory_.pages(bytes); }, std::move(partition),
                                   &bytes_read);
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
exec::Output ThreadRunner::make_again(const RunningJob& job, std::uint32_t task) {
  std::atomic<std::int64_t> skips_left = static_cast<std::int64_t>(options_.skip_bad_records);
  exec::TaskSpec spec;
  spec.stage = &job.result_stage();
  spec.task = task;
  spec.attempt = 1;
  spec.map_tasks = job.request.map_tasks;
  if (job.may_skip) spec.skips_left = &skips_left;
  exec::TaskResult result = exec::Attempt(environment_, std::move(spec)).run();
  if (!result.succeeded) throw Error(result.cause, result.message);
  return std::move(result.output);
}

// Hands results to the caller in order, outside of the lock, until the job has ended.
void ThreadRunner::deliver(const std::shared_ptr<RunningJob>& job, std::unique_lock<std::mutex>& lock,
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
    if (options_.threads == 0 && !queue_.empty()) {
      run_one(lock);
    } else if (std::exchange(delivered, false)) {
      lock.unlock();
      std::this_thread::sleep_for(between_deliveries);
      lock.lock();
    } else if (job_changed_.wait_for(lock, std::chrono::milliseconds(100)) == std::cv_status::timeout) {
      tick();
    }
  }
}

// Attempts that were killed may still be writing where the output is cleaned up.
void ThreadRunner::wait_for_attempts(const RunningJob& job, std::unique_lock<std::mutex>& lock) {
  while (job.running != 0) {
    if (options_.threads == 0 && !queue_.empty()) {
      run_one(lock);
    } else {
      job_changed_.wait(lock);
    }
  }
}

// After Ctrl-C: every attempt is told to stop and given a moment, the temporary outputs go, and so does the process.
void ThreadRunner::stop_everything(std::unique_lock<std::mutex>& lock) {
  for (const auto& [id, task] : running_) {
    if (task->attempt != nullptr) task->attempt->stop();
  }
  queue_.clear();
  stopping_ = true;
  job_changed_.wait_for(lock, std::chrono::seconds(1), [this] { return running_.empty(); });
  for (const auto& [id, job] : jobs_) {
    if (job->commit != nullptr) job->commit->abort_job();
  }
  if (events_.observed()) {
    constexpr int status = 130;
    events_.publish(now(), std::variant<observe::RunEnded>(observe::RunEnded{status, "interrupted"}));
  }
  exit_interrupted();
}

void ThreadRunner::step(const sched::Event& event) {
  const bool observed = events_.observed();
  if (observed) events_.publish(now(), event);
  std::vector<sched::Action> actions;
  scheduler_.step(event, now(), actions);
  std::map<JobId, std::string> failures;
  for (const sched::Action& action : actions) {
    // The task whose files could not be renamed may have been the last one.
    const auto* succeeded = std::get_if<sched::JobSucceeded>(&action);
    if (succeeded != nullptr && failures.contains(succeeded->job)) continue;
    if (observed) events_.publish(now(), action);
    try {
      carry_out(action);
    } catch (const Error& error) {  // an attempt's files could not be renamed into place
      const JobId job = std::get<sched::TaskCommitted>(action).job;
      failures.emplace(job, error.what());
      end_job(job, false, error.cause(), error.what());
    }
  }
  for (const auto& [job, reason] : failures) step(sched::JobCancelled{job, reason});
}

void ThreadRunner::carry_out(const sched::Action& action) {
  if (const auto* launched = std::get_if<sched::LaunchTask>(&action)) {
    launch(*launched);
  } else if (const auto* killed = std::get_if<sched::KillTask>(&action)) {
    kill(*killed);
  } else if (const auto* committed = std::get_if<sched::TaskCommitted>(&action)) {
    commit(*committed);
  } else if (const auto* succeeded = std::get_if<sched::JobSucceeded>(&action)) {
    end_job(succeeded->job, true, Cause::internal, succeeded->reason);
  } else if (const auto* failed = std::get_if<sched::JobFailed>(&action)) {
    end_job(failed->job, false, failed->cause, failed->reason);
  }
}

void ThreadRunner::launch(const sched::LaunchTask& action) {
  auto task = std::make_unique<Launched>();
  task->action = action;
  task->job = jobs_.at(action.job);
  task->stage = task->job->stages.at(action.attempt.stage);
  ++task->job->running;
  queue_.push_back(std::move(task));
  work_ready_.notify_one();
}

void ThreadRunner::kill(const sched::KillTask& action) {
  const auto found = running_.find(action.attempt);
  if (found != running_.end()) {
    found->second->killed = true;
    if (found->second->attempt != nullptr) found->second->attempt->stop();
    return;
  }
  for (const auto& task : queue_) {
    if (task->action.attempt == action.attempt) task->killed = true;
  }
}

void ThreadRunner::commit(const sched::TaskCommitted& action) {
  const auto found = finished_.find(action.attempt);
  const auto job = jobs_.find(action.job);
  if (found == finished_.end() || job == jobs_.end()) return;
  exec::TaskResult result = std::move(found->second);
  finished_.erase(found);
  RunningJob& running = *job->second;
  const plan::Stage& stage = *running.stages.at(action.attempt.stage);
  const std::uint32_t task = action.attempt.partition.value;
  if (stage.output) {
    shuffles_.put(stage.output->shuffle, task, std::move(result.output));
  } else {
    running.results.emplace(task, std::move(result.output));
    if (running.commit != nullptr) {
      running.commit->commit_task(stage.partitions[task], action.attempt.number);
    }
    job_changed_.notify_all();
  }
  if (!action.first) {
    running.skips_left += static_cast<std::int64_t>(result.skipped_records);  // they were counted the first time
    return;
  }
  for (const auto& [name, amount] : result.counters) counters_[name] += amount;
  for (const auto& [id, sum] : result.accumulators) exec::accumulator_store().merge(id, sum.value, sum.merge);
  for (auto& record : result.bad_records) running.bad_records.push_back(std::move(record));
}

void ThreadRunner::end_job(JobId id, bool succeeded, Cause cause, const std::string& reason) {
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

void ThreadRunner::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    run_one(lock);
  }
}

void ThreadRunner::run_one(std::unique_lock<std::mutex>& lock) {
  std::unique_ptr<Launched> task = std::move(queue_.front());
  queue_.pop_front();
  running_[task->action.attempt] = task.get();
  if (events_.observed()) step(sched::TaskStarted{task->action.attempt, this_executor});
  exec::TaskResult result;
  sched::TaskMetrics metrics;
  if (!task->killed) {
    lock.unlock();
    result = attempt(*task, metrics);
    lock.lock();
  }
  running_.erase(task->action.attempt);
  --task->job->running;
  if (interrupted()) {
    job_changed_.notify_all();
    return;
  }
  answer(*task, std::move(result), std::move(metrics));
  if (task->job->ended && task->job->running == 0) job_changed_.notify_all();
}

exec::TaskResult ThreadRunner::attempt(Launched& task, sched::TaskMetrics& metrics) {
  const auto begin = now();
  const std::int64_t cpu_begin = thread_cpu_microseconds();
  exec::TaskSpec spec;
  spec.stage = task.stage;
  spec.task = task.action.attempt.partition.value;
  spec.attempt = task.action.attempt.number;
  spec.map_tasks = task.job->request.map_tasks;
  if (task.job->may_skip) spec.skips_left = &task.job->skips_left;
  exec::TaskResult result;
  for (;;) {
    result = try_once(task, spec);
    // A record that failed half-way is left out of another try, as long as records may be skipped.
    if (result.succeeded || !result.bad_record || spec.known_bad.contains(*result.bad_record)) break;
    if (task.job->skips_left.fetch_sub(1) <= 0) {
      ++task.job->skips_left;
      break;
    }
    spec.known_bad.emplace(*result.bad_record, result.message);
  }
  // What the failed attempt left out is for the next one to find again.
  if (!result.succeeded) task.job->skips_left += static_cast<std::int64_t>(spec.known_bad.size());
  metrics = metrics_of(result);
  metrics.wall_microseconds = now().microseconds - begin.microseconds;
  metrics.cpu_microseconds = thread_cpu_microseconds() - cpu_begin;
  return result;
}

exec::TaskResult ThreadRunner::try_once(Launched& task, exec::TaskSpec spec) {
  const bool writes_files = task.job->commit != nullptr && !task.stage->output;
  const std::uint32_t partition = task.stage->partitions[spec.task];
  try {
    if (writes_files) {
      // A second try of the same attempt starts from an empty directory.
      if (!spec.known_bad.empty()) task.job->commit->abort_task(partition, spec.attempt);
      spec.output_directory = task.job->commit->attempt_directory(partition, spec.attempt);
    }
    exec::Attempt attempt(environment_, std::move(spec));
    {
      const std::lock_guard lock(mutex_);
      task.attempt = &attempt;
      if (task.killed) attempt.stop();
    }
    exec::TaskResult result = attempt.run();
    const std::lock_guard lock(mutex_);
    task.attempt = nullptr;
    return result;
  } catch (const Error& error) {
    exec::TaskResult result;
    result.cause = error.cause();
    result.message = error.what();
    return result;
  }
}

void ThreadRunner::answer(Launched& task, exec::TaskResult result, sched::TaskMetrics metrics) {
  const AttemptId id = task.action.attempt;
  if (result.succeeded && !task.killed) {
    finished_[id] = std::move(result);
    step(sched::TaskSucceeded{id, this_executor, std::move(metrics)});
    finished_.erase(id);
    return;
  }
  sched::TaskFailure failure;
  failure.cause = task.killed ? Cause::lost_node : result.cause;
  failure.message = task.killed ? "it was told to stop" : result.message;
  for (const exec::LostOutput& lost : result.lost) {
    for (const auto& [stage_id, stage] : task.job->stages) {
      if (!stage->output || stage->output->shuffle != lost.shuffle) continue;
      shuffles_.lose(lost.shuffle, lost.map_task);
      failure.lost.push_back({stage_id, PartitionId{lost.map_task}, 0});
    }
  }
  if (task.job->commit != nullptr && !task.stage->output) {
    task.job->commit->abort_task(task.stage->partitions[id.partition.value], id.number);
  }
  step(sched::TaskFailed{id, this_executor, std::move(failure), std::move(metrics)});
}

}  // namespace millrace::cluster
