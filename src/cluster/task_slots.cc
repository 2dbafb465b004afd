#include "cluster/task_slots.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

namespace millrace::cluster {
namespace {

std::int64_t thread_cpu_microseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1000000 + time.tv_nsec / 1000;
}

std::int64_t microseconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin).count();
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

}  // namespace

TaskSlots::TaskSlots(unsigned threads, exec::Environment& environment, Listener listener)
    : environment_(environment), listener_(std::move(listener)) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

TaskSlots::~TaskSlots() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
    refused_.clear();
  }
  pushed_.notify_all();
  refused_some_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  if (refusing_.joinable()) refusing_.join();
}

void TaskSlots::push(Launch launch) {
  auto task = std::make_unique<Waiting>();
  task->launch = std::move(launch);
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
  }
  pushed_.notify_one();
}

void TaskSlots::kill(const AttemptId& attempt) {
  const std::lock_guard lock(mutex_);
  if (const auto found = running_.find(attempt); found != running_.end()) {
    found->second->killed = true;
    if (found->second->attempt != nullptr) found->second->attempt->stop();
    return;
  }
  const auto waiting =
      std::find_if(queue_.begin(), queue_.end(), [&](const auto& task) { return task->launch.attempt == attempt; });
  if (waiting == queue_.end()) return;
  (*waiting)->killed = true;
  if (threads_.empty()) return;
  refuse(std::move(*waiting));
  queue_.erase(waiting);
}

// The caller may hold locks that the listener takes: another thread answers.
void TaskSlots::refuse(std::unique_ptr<Waiting> task) {
  refused_.push_back(std::move(task));
  if (!refusing_.joinable()) refusing_ = std::thread([this] { answer_refused(); });
  refused_some_.notify_one();
}

void TaskSlots::answer_refused() {
  std::unique_lock lock(mutex_);
  for (;;) {
    refused_some_.wait(lock, [this] { return stopping_ || !refused_.empty(); });
    if (stopping_) return;
    const std::unique_ptr<Waiting> task = std::move(refused_.front());
    refused_.pop_front();
    answer({task->launch.job, task->launch.attempt, task->launch.executor, true, {}, {}}, lock);
  }
}

bool TaskSlots::run_next() {
  std::unique_lock lock(mutex_);
  if (queue_.empty()) return false;
  run_one(lock);
  return true;
}

void TaskSlots::progress(const std::function<void(const AttemptId&, std::uint64_t bytes)>& visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, task] : running_) {
    if (task->attempt != nullptr) visit(id, task->attempt->progress_bytes());
  }
}

std::vector<AttemptId> TaskSlots::forget_waiting() {
  const std::lock_guard lock(mutex_);
  std::vector<AttemptId> forgotten;
  for (const auto& task : queue_) forgotten.push_back(task->launch.attempt);
  queue_.clear();
  return forgotten;
}

bool TaskSlots::wait_until_idle(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, patience, [this] { return running_.empty() && refused_.empty() && answering_ == 0; });
}

void TaskSlots::stop(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  queue_.clear();
  refused_.clear();
  for (const auto& [id, task] : running_) {
    if (task->attempt != nullptr) task->attempt->stop();
  }
  ended_.wait_for(lock, patience, [this] { return running_.empty(); });
}

void TaskSlots::work() {
  if (listener_.thread_started) listener_.thread_started();
  std::unique_lock lock(mutex_);
  for (;;) {
    pushed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    run_one(lock);
  }
}

void TaskSlots::run_one(std::unique_lock<std::mutex>& lock) {
  const std::unique_ptr<Waiting> task = std::move(queue_.front());
  queue_.pop_front();
  running_[task->launch.attempt] = task.get();
  AttemptEnd end{task->launch.job, task->launch.attempt, task->launch.executor, false, {}, {}};
  if (!task->killed) {
    lock.unlock();
    run(*task, end);
    lock.lock();
  }
  end.killed = task->killed;
  running_.erase(task->launch.attempt);
  if (stopping_) {
    ended_.notify_all();
    return;
  }
  answer(std::move(end), lock);
}

void TaskSlots::answer(AttemptEnd end, std::unique_lock<std::mutex>& lock) {
  ++answering_;
  lock.unlock();
  listener_.ended(std::move(end));
  lock.lock();
  --answering_;
  if (running_.empty() && refused_.empty() && answering_ == 0) ended_.notify_all();
}

void TaskSlots::run(Waiting& task, AttemptEnd& end) {
  const Launch& launch = task.launch;
  if (listener_.started) listener_.started(launch);
  const auto begin = std::chrono::steady_clock::now();
  const std::int64_t cpu_begin = thread_cpu_microseconds();
  exec::TaskSpec spec;
  spec.stage = launch.stage.get();
  spec.task = launch.attempt.partition.value;
  spec.attempt = launch.attempt.number;
  spec.map_tasks = *launch.map_tasks;
  spec.locations = launch.locations;
  spec.cached = launch.cached;
  spec.output_directory = launch.output_directory;
  const bool gives_blocks = launch.stage->output.has_value() || launch.output_directory.empty();
  if (environment_.kept != nullptr && gives_blocks) spec.output_file = environment_.kept->attempt_path(launch.attempt);
  spec.skips_left = launch.skips_left.get();
  for (;;) {
    end.result = try_once(task, spec);
    // A record that failed half-way is left out of another try, as long as records may be skipped.
    if (end.result.succeeded || !end.result.bad_record || spec.known_bad.contains(*end.result.bad_record)) break;
    if (launch.skips_left->fetch_sub(1) <= 0) {
      ++*launch.skips_left;
      break;
    }
    spec.known_bad.emplace(*end.result.bad_record, end.result.message);
  }
  if (!end.result.succeeded && !spec.output_file.empty()) remove_output(spec.output_file);
  // What the failed attempt left out is for the next one to find again.
  if (!end.result.succeeded && launch.skips_left != nullptr) {
    *launch.skips_left += static_cast<std::int64_t>(spec.known_bad.size());
  }
  end.metrics = metrics_of(end.result);
  end.metrics.wall_microseconds = microseconds_since(begin);
  end.metrics.cpu_microseconds = thread_cpu_microseconds() - cpu_begin;
}

void TaskSlots::remove_output(const std::string& path) {
  try {
    environment_.files.remove_all(path);
  } catch (const Error&) {
    // What the attempt failed with is the one to tell; the file goes with the journal.
  }
}

// The driver made the directory of all attempts before the first of them. Where it is not to be seen, what is written
// would be, by nobody else.
void TaskSlots::check_shared(const std::string& attempt_directory) const {
  const std::string above = attempt_directory.substr(0, attempt_directory.rfind('/'));
  storage::FileInfo info;
  if (environment_.files.stat(above, info)) return;
  throw Error(Cause::output,
              fmt::format("{}: is not to be seen here, though the driver has made it: the output must be "
                          "on a file system that all machines of the run share",
                          above));
}

exec::TaskResult TaskSlots::try_once(Waiting& task, exec::TaskSpec spec) {
  try {
    if (!spec.output_directory.empty()) {
      check_shared(spec.output_directory);
      // Empty at first: a second try of the same attempt may follow one that wrote something.
      environment_.files.remove_all(spec.output_directory);
      environment_.files.make_directories(spec.output_directory);
    }
    exec::Attempt attempt(environment_, std::move(spec));
    {
      const std::lock_guard lock(mutex_);
      if (task.killed || stopping_) attempt.stop();
      task.attempt = &attempt;
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

}  // namespace millrace::cluster
