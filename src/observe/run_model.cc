#include "observe/run_model.h"

#include <algorithm>
#include <variant>

namespace millrace::observe {
namespace {

constexpr std::size_t kept_failures = 1000;

void add(sched::TaskMetrics& sum, const sched::TaskMetrics& more) {
  sum.records_in += more.records_in;
  sum.bytes_in += more.bytes_in;
  sum.records_out += more.records_out;
  sum.bytes_out += more.bytes_out;
  sum.shuffle_bytes_read += more.shuffle_bytes_read;
  sum.shuffle_bytes_written += more.shuffle_bytes_written;
  sum.spills += more.spills;
  sum.spilled_bytes += more.spilled_bytes;
  sum.peak_memory = std::max(sum.peak_memory, more.peak_memory);
  sum.skipped_records += more.skipped_records;
  sum.wall_microseconds += more.wall_microseconds;
  sum.cpu_microseconds += more.cpu_microseconds;
  for (const auto& [name, value] : more.counters) {
    // A counter that overflows wraps, as its own additions do.
    std::int64_t& counter = sum.counters[name];
    counter = static_cast<std::int64_t>(static_cast<std::uint64_t>(counter) + static_cast<std::uint64_t>(value));
  }
}

}  // namespace

void RunModel::on(const Logged& record) {
  now_ = std::max(now_, record.at.microseconds);
  ++revision_;
  std::visit([this](const auto& value) { take(value); }, record.value);
}

// Executors.

void RunModel::change_slots(std::uint64_t slots) {
  slot_time_ += static_cast<double>(slots_) * static_cast<double>(now_ - slots_since_);
  slots_ = slots;
  slots_since_ = now_;
}

void RunModel::take(const sched::ExecutorAdded& event) {
  ExecutorRow& executor = executors_[event.executor];
  const bool fresh = executor.slots == 0 || executor.lost != not_yet;
  // The first that come after a request are taken for those that were asked for.
  if (fresh && growth_.outstanding > 0) --growth_.outstanding;
  change_slots(slots_ - (executor.lost == not_yet ? executor.slots : 0) + event.slots);
  if (fresh) executor.added = now_;
  executor.id = event.executor;
  executor.host = event.host;
  executor.rack = event.rack;
  executor.last_heard = now_;
  executor.slots = event.slots;
  executor.draining = false;
  executor.draining_reason.clear();
  executor.set_aside_until = not_yet;
  executor.lost = not_yet;
  executor.lost_reason.clear();
}

void RunModel::take(const sched::ExecutorLost& event) {
  const auto found = executors_.find(event.executor);
  if (found == executors_.end() || found->second.lost != not_yet) return;
  change_slots(slots_ - found->second.slots);
  found->second.lost = now_;
  found->second.lost_reason = event.reason;
  std::vector<AttemptId> attempts;
  for (const auto& [id, live] : running_) {
    if (live.row.executor == event.executor) attempts.push_back(id);
  }
  for (const AttemptId& attempt : attempts) end_attempt(attempt, AttemptState::lost, {}, Cause::lost_node);
}

void RunModel::take(const sched::ExecutorDraining& event) {
  const auto found = executors_.find(event.executor);
  if (found == executors_.end() || found->second.draining) return;
  found->second.draining = true;
  found->second.draining_reason = event.reason;
  ++growth_.given_back;
}

void RunModel::take(const sched::ExecutorsAsked& action) {
  growth_.asked += action.count;
  growth_.outstanding += action.count;
  growth_.last_asked = now_;
}

void RunModel::take(const sched::RequestsWithdrawn& action) {
  growth_.withdrawn += action.count;
  growth_.outstanding -= std::min<std::uint64_t>(growth_.outstanding, action.count);
}

void RunModel::take(const sched::RequestsRefused& event) {
  growth_.refused += event.count;
  growth_.outstanding -= std::min<std::uint64_t>(growth_.outstanding, event.count);
  growth_.last_refusal = event.reason;
}

// What the executor no longer has will not be answered.
void RunModel::take(const sched::ExecutorReturned& event) {
  std::vector<AttemptId> gone;
  for (const auto& [id, live] : running_) {
    const bool there = std::find(event.running.begin(), event.running.end(), id) != event.running.end();
    if (live.row.executor == event.executor && !there) gone.push_back(id);
  }
  for (const AttemptId& attempt : gone) end_attempt(attempt, AttemptState::lost, {}, Cause::lost_node);
}

void RunModel::take(const sched::ExecutorSetAside& action) {
  const auto found = executors_.find(action.executor);
  if (found == executors_.end()) return;
  found->second.set_aside_until = action.until.microseconds;
  found->second.set_aside_reason = action.reason;
  ++found->second.times_set_aside;
}

void RunModel::take(const sched::ExecutorReadmitted& action) {
  const auto found = executors_.find(action.executor);
  if (found != executors_.end()) found->second.set_aside_until = not_yet;
}

// Jobs and stages.

void RunModel::take(const sched::JobSubmitted& event) {
  JobRow& job = jobs_[event.job.id];
  if (!job.stages.empty()) return;
  job.id = event.job.id;
  job.name = event.job.name;
  job.submitted = now_;
  job.revision = revision_;
  for (const sched::StageSpec& spec : event.job.stages) {
    stage_rows_[{job.id, spec.id}] = job.stages.size();
    StageRow& stage = job.stages.emplace_back();
    stage.id = spec.id;
    stage.job = job.id;
    stage.name = spec.name;
    stage.parents = spec.parents;
    stage.tasks = spec.tasks;
    stage.input_bytes = spec.input_bytes;
    stage.done_before = static_cast<std::uint32_t>(std::count(spec.done.begin(), spec.done.end(), true));
    stage.done = stage.done_before;
  }
}

const StageRow* RunModel::stage(JobId job, StageId stage) const {
  const auto row = stage_rows_.find({job, stage});
  return row == stage_rows_.end() ? nullptr : &jobs_.at(job).stages[row->second];
}

StageRow* RunModel::find_stage(JobId job, StageId stage) {
  if (found_.row == nullptr || found_.job != job || found_.stage != stage) {
    const auto row = stage_rows_.find({job, stage});
    if (row == stage_rows_.end()) return nullptr;
    JobRow& found = jobs_.at(job);
    found_ = {job, stage, &found, &found.stages[row->second]};
  }
  found_.job_row->revision = revision_;
  return found_.row;
}

void RunModel::change_stage(JobId job, StageId id, StageProgress state, const std::string& reason) {
  StageRow* stage = find_stage(job, id);
  if (stage == nullptr) return;
  if (state == StageProgress::running) {
    if (stage->started == not_yet) stage->started = now_;
    stage->finished = not_yet;
    ++stage->starts;
  } else if (stage->started != not_yet) {
    stage->finished = now_;
    stage->live_bytes = 0;
    // What is no longer needed after it ran did run.
    if (state == StageProgress::skipped) state = StageProgress::finished;
  }
  stage->state = state;
  stage->reason = reason;
}

void RunModel::take(const JobPlanned& fact) {
  JobRow& job = jobs_[fact.job];
  job.plan = fact;
  job.revision = revision_;
}

void RunModel::take(const LiveBytes& fact) {
  if (StageRow* stage = find_stage(fact.job, fact.stage)) stage->live_bytes = fact.bytes_in;
}

void RunModel::take(const sched::StageStarted& action) {
  change_stage(action.job, action.stage, StageProgress::running, action.reason);
}
void RunModel::take(const sched::StageFinished& action) {
  change_stage(action.job, action.stage, StageProgress::finished, action.reason);
}
void RunModel::take(const sched::StageSkipped& action) {
  change_stage(action.job, action.stage, StageProgress::skipped, action.reason);
}

void RunModel::end_job(JobId id, JobProgress state, Cause cause, const std::string& reason) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  JobRow& job = found->second;
  job.state = state;
  job.cause = cause;
  job.reason = reason;
  job.ended = now_;
  job.revision = revision_;
  settle_surplus(id);
  for (StageRow& stage : job.stages) {
    if (stage.state == StageProgress::finished || stage.state == StageProgress::skipped) continue;
    const bool began = stage.started != not_yet;
    if (state == JobProgress::failed) {
      change_stage(id, stage.id, began ? StageProgress::failed : StageProgress::skipped, "the job failed");
    } else {
      change_stage(id, stage.id, StageProgress::skipped, "its output came from another job");
    }
  }
}

void RunModel::take(const sched::JobSucceeded& action) {
  end_job(action.job, JobProgress::succeeded, Cause::internal, action.reason);
}
void RunModel::take(const sched::JobFailed& action) {
  end_job(action.job, JobProgress::failed, action.cause, action.reason);
}

// Attempts.

void RunModel::take(const sched::LaunchTask& action) {
  StageRow* stage = find_stage(action.job, action.attempt.stage);
  if (stage == nullptr || running_.count(action.attempt) != 0) return;
  if (running_.empty()) busy_since_ = now_;
  if (spare_.empty()) {
    running_.try_emplace(action.attempt);
  } else {
    spare_.key() = action.attempt;
    spare_.mapped() = {};
    running_.insert(std::move(spare_));
  }
  LiveAttempt& live = running_.find(action.attempt)->second;
  live.job = action.job;
  live.row.partition = action.attempt.partition;
  live.row.number = action.attempt.number;
  live.row.executor = action.executor;
  live.row.backup = action.backup;
  live.row.launched = live.row.started = now_;
  ++stage->running;
  ++stage->launched;
  if (action.adopted) ++stage->adopted;
  ExecutorRow& executor = executors_[action.executor];
  ++executor.running;
  // It starts at once where a slot is free; that an adopted one started was told to another driver.
  if (executor.running <= executor.slots || action.adopted) live.row.slot = take_slot(action.executor);
}

std::uint32_t RunModel::take_slot(ExecutorId executor) {
  std::vector<bool>& taken = slots_taken_[executor];
  const auto free = std::find(taken.begin(), taken.end(), false);
  const auto slot = static_cast<std::uint32_t>(free - taken.begin());
  if (free == taken.end()) {
    taken.push_back(true);
  } else {
    *free = true;
  }
  return slot;
}

void RunModel::take(const sched::TaskStarted& event) {
  const auto live = running_.find(event.attempt);
  if (live == running_.end()) return;
  live->second.row.started = now_;
  live->second.start_known = true;
  if (live->second.row.slot == no_slot) live->second.row.slot = take_slot(live->second.row.executor);
  executors_[live->second.row.executor].last_heard = now_;
}

void RunModel::take(const sched::TaskProgress& event) {
  const auto live = running_.find(event.attempt);
  if (live != running_.end()) live->second.row.progress = event.millionths;
}

void RunModel::take(const sched::KillTask& action) {
  const auto live = running_.find(action.attempt);
  if (live != running_.end()) live->second.killed = true;
}

StageRow* RunModel::end_attempt(const AttemptId& id, AttemptState state, const sched::TaskMetrics& metrics,
                                Cause cause) {
  const auto live = running_.find(id);
  if (live == running_.end()) return nullptr;
  AttemptRow row = live->second.row;
  const JobId job = live->second.job;
  if (!live->second.start_known && metrics.wall_microseconds > 0) {
    row.started = std::max(row.started, now_ - metrics.wall_microseconds);
  }
  row.state = live->second.killed && state != AttemptState::lost ? AttemptState::killed : state;
  spare_ = running_.extract(live);
  if (running_.empty()) time_with_tasks_ += now_ - busy_since_;

  row.cause = cause;
  row.ended = now_;
  row.cpu = metrics.cpu_microseconds;
  row.records_in = metrics.records_in;
  row.records_out = metrics.records_out;
  row.bytes_in = metrics.bytes_in + metrics.shuffle_bytes_read;
  row.bytes_out = metrics.bytes_out + metrics.shuffle_bytes_written;
  row.spilled_bytes = metrics.spilled_bytes;
  row.peak_memory = metrics.peak_memory;

  ExecutorRow& executor = executors_[row.executor];
  executor.id = row.executor;
  executor.busy += row.duration();
  ++executor.attempts;
  --executor.running;
  if (row.state == AttemptState::failed) ++executor.failed;
  if (row.state != AttemptState::lost) executor.last_heard = now_;
  if (row.slot == no_slot) row.slot = take_slot(row.executor);  // nobody said that it started
  slots_taken_[row.executor][row.slot] = false;

  StageRow* stage = find_stage(job, id.stage);
  --stage->running;
  stage->wasted_time += row.duration();
  if (row.state == AttemptState::killed) ++stage->killed;
  if (row.state == AttemptState::failed) ++stage->failed;
  if (row.state == AttemptState::lost) ++stage->lost;
  if (row.state == AttemptState::surplus) {
    ++stage->surplus;
    keep_latest_success();
    latest_success_ = {id, {job, stage->attempts.size(), row, metrics}};
  } else {
    settle(*stage, row);
  }
  if (detail_ == Detail::attempts) stage->attempts.push_back(row);
  return stage;
}

void RunModel::take(const sched::TaskSucceeded& event) {
  end_attempt(event.attempt, AttemptState::surplus, event.metrics);
}

void RunModel::take(const sched::TaskCommitted& action) {
  std::optional<Succeeded> known = take_success(action.attempt);
  if (!known) return;
  Succeeded& succeeded = *known;
  StageRow* stage = find_stage(succeeded.job, action.attempt.stage);
  --stage->surplus;
  const std::int64_t duration = succeeded.row.duration();
  stage->wasted_time -= duration;
  stage->task_time += duration;
  if (action.first) {
    ++stage->done;
    add(stage->totals, succeeded.metrics);
    stage->times.add(static_cast<std::uint64_t>(duration));
    stage->sizes.add(succeeded.row.bytes_in);
  } else {
    ++stage->made_again;
  }
  succeeded.row.state = AttemptState::counted;
  succeeded.row.again = !action.first;
  if (detail_ == Detail::attempts) stage->attempts[succeeded.place] = succeeded.row;
  settle(*stage, succeeded.row);
}

void RunModel::keep_latest_success() {
  if (!latest_success_) return;
  succeeded_[latest_success_->attempt] = std::move(latest_success_->succeeded);
  latest_success_.reset();
}

std::optional<RunModel::Succeeded> RunModel::take_success(const AttemptId& attempt) {
  if (latest_success_ && latest_success_->attempt == attempt) {
    std::optional<Succeeded> success(std::move(latest_success_->succeeded));
    latest_success_.reset();
    return success;
  }
  const auto found = succeeded_.find(attempt);
  if (found == succeeded_.end()) return std::nullopt;
  std::optional<Succeeded> success(std::move(found->second));
  succeeded_.erase(found);
  return success;
}

void RunModel::settle_surplus(JobId job) {
  keep_latest_success();
  for (auto each = succeeded_.begin(); each != succeeded_.end();) {
    if (each->second.job != job) {
      ++each;
      continue;
    }
    settle(*stage(job, each->first.stage), each->second.row);
    each = succeeded_.erase(each);
  }
}

void RunModel::take(const sched::TaskFailed& event) {
  const auto live = running_.find(event.attempt);
  if (live == running_.end()) return;
  const bool killed = live->second.killed;
  const JobId job = live->second.job;
  end_attempt(event.attempt, AttemptState::failed, event.metrics, event.failure.cause);
  if (killed) return;
  ++failure_count_;
  if (failures_.size() < kept_failures) {
    failures_.push_back({now_, job, event.attempt, event.executor, event.failure.cause, event.failure.message});
  }
}

// Sums.

sched::TaskMetrics RunModel::totals() const {
  sched::TaskMetrics sum;
  for (const auto& [id, job] : jobs_) {
    for (const StageRow& stage : job.stages) add(sum, stage.totals);
  }
  return sum;
}

SlotTime RunModel::slot_time() const {
  SlotTime time;
  time.total = slot_time_ + static_cast<double>(slots_) * static_cast<double>(now_ - slots_since_);
  double counted = 0;
  for (const auto& [id, job] : jobs_) {
    for (const StageRow& stage : job.stages) {
      counted += static_cast<double>(stage.task_time);
      time.cpu += static_cast<double>(stage.totals.cpu_microseconds);
      time.wasted += static_cast<double>(stage.wasted_time);
    }
  }
  for (const auto& [id, live] : running_) counted += static_cast<double>(now_ - live.row.started);
  time.cpu = std::min(time.cpu, counted);
  time.waiting = counted - time.cpu;
  time.idle = std::max(0.0, time.total - counted - time.wasted);
  return time;
}

}  // namespace millrace::observe
