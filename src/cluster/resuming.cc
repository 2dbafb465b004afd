#include <exception>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include "cluster/job_runner.h"

// What a journal changes for a job: what earlier drivers of the run have done of it is taken over, and what this one
// does is there for the next.

namespace millrace::cluster {

void JobRunner::take_over(RunningJob& job) {
  const plan::Stage& last = job.result_stage();
  RunJournal::Known known = journal_->begin(job.request.job, job.request.shared);
  storage::FileInfo output;
  job.done_before =
      known.done && (last.output_directory.empty() || files_.stat(last.output_directory + "/_SUCCESS", output));
  if (known.other) {
    fmt::print(stderr, "millrace: {} is not the job that the journal {} has in its place: what differs begins anew\n",
               job.request.job.name, journal_->directory());
  } else if (!job.done_before && journal_->restarts() > 0 && known.taken_over > 0) {
    fmt::print(stderr, "millrace: {} goes on: {} of {} tasks were already done\n", job.request.job.name,
               known.taken_over, known.tasks);
  }
  job.left_behind = std::move(known.left_behind);
  const std::lock_guard lock(mutex_);
  for (AttemptEnd& end : known.counted) count_earlier(job, std::move(end));
}

void JobRunner::count_earlier(RunningJob& job, AttemptEnd end) {
  if (job.skips_left != nullptr) *job.skips_left -= static_cast<std::int64_t>(end.result.skipped_records);
  count(job, std::move(end.result));
}

// Executors of an earlier driver.

void JobRunner::executor_adopted(const sched::ExecutorAdded& added,
                                 const std::map<AttemptId, std::uint64_t>& fingerprints, const std::string& surplus) {
  const std::lock_guard lock(mutex_);
  for (const auto& [attempt, fingerprint] : fingerprints) brought_[attempt] = {added.executor, fingerprint, {}};
  ++adopted_;
  step(added);
  if (!surplus.empty()) step(sched::ExecutorDraining{added.executor, surplus});
}

void JobRunner::take_over_attempts() {
  const std::lock_guard lock(mutex_);
  std::set<AttemptId> running;
  for (const auto& [attempt, brought] : brought_) running.insert(attempt);
  journal_->take_what_was_left_behind(running);
  if (adopted_ == 0) return;
  fmt::print(stderr, "millrace: adopted {} executors of an earlier driver, with {} attempts that they run\n", adopted_,
             running.size());
}

// Those that are of this very stage.
std::vector<AttemptId> JobRunner::brought_along(const plan::Stage& stage) const {
  std::vector<AttemptId> out;
  for (const auto& [attempt, brought] : brought_) {
    if (attempt.stage != stage.id || brought.fingerprint != journal_->fingerprint(stage.id)) continue;
    if (!brought.end) out.push_back(attempt);
  }
  return out;
}

// One that no job has taken over: what it made waits for the job.
void JobRunner::end_brought(AttemptEnd end) {
  const auto brought = brought_.find(end.attempt);
  if (brought == brought_.end() || brought->second.executor != end.executor) return;
  const AttemptId attempt = end.attempt;
  const ExecutorId executor = end.executor;
  sched::TaskMetrics metrics = end.metrics;
  if (end.result.succeeded && !end.killed) {
    brought->second.end = std::move(end);
    return step(sched::TaskSucceeded{attempt, executor, std::move(metrics)});
  }
  brought_.erase(brought);
  step(sched::TaskFailed{attempt, executor, {Cause::lost_node, "no job had taken it over", {}}, std::move(metrics)});
}

// Of the job's stages, those that ended before the job was there.
void JobRunner::take_ended(RunningJob& job) {
  for (auto at = brought_.begin(); at != brought_.end();) {
    const auto here = at++;
    if (!here->second.end || !job.stages.contains(here->first.stage)) continue;
    if (here->second.fingerprint == journal_->fingerprint(here->first.stage)) {
      job.left_behind.push_back(std::move(*here->second.end));
    }
    brought_.erase(here);
  }
}

// What the attempt made, for its task's place.
bool JobRunner::is_there(const RunningJob& job, const AttemptId& attempt) const {
  const plan::Stage& stage = *job.stages.at(attempt.stage);
  if (stage.output || job.commit == nullptr) return journal_->is_whole(attempt);
  return job.commit->has_attempt(stage.partitions[attempt.partition.value], attempt.number);
}

// Nobody has told the driver of them that they ended: they are committed now, as if it had been told. What is missing
// of what they made is made again. Under the lock.
void JobRunner::commit_left_behind(RunningJob& job) {
  take_ended(job);
  std::uint32_t committed = 0;
  for (AttemptEnd& end : std::exchange(job.left_behind, {})) {
    const plan::Stage& stage = *job.stages.at(end.attempt.stage);
    if (!is_there(job, end.attempt)) continue;
    end.job = job.request.job.id;
    if (!stage.output && job.commit != nullptr) {
      job.commit->commit_task(stage.partitions[end.attempt.partition.value], end.attempt.number);
    }
    if (!journal_->commit(end, stage, true)) continue;
    ++committed;
    count_earlier(job, std::move(end));
  }
  std::set<std::pair<std::uint32_t, std::uint32_t>> running;
  const plan::Stage& last = job.result_stage();
  for (const auto& [attempt, brought] : brought_) {
    if (attempt.stage != last.id || attempt.partition.value >= last.partitions.size()) continue;
    running.emplace(last.partitions[attempt.partition.value], attempt.number);
  }
  if (job.commit != nullptr) job.commit->drop_attempts(running);
  if (committed == 0) return;
  fmt::print(stderr, "millrace: {} attempts of {} had succeeded when their driver was gone, and count\n", committed,
             job.request.job.name);
}

void JobRunner::set_up_output(RunningJob& job) {
  const std::string& directory = job.result_stage().output_directory;
  if (directory.empty()) return;
  const JobId id = job.request.job.id;
  const std::string token = journal_ != nullptr ? journal_->token(id) : fmt::format("{}-{}", getpid(), id);
  job.commit = std::make_unique<storage::OutputCommit>(files_, directory, options_.overwrite, token);
  if (journal_ != nullptr) return take_over_output(job);
  try {
    job.commit->set_up_job();
  } catch (const Error& error) {
    job.commit->abort_job();
    const std::lock_guard lock(mutex_);
    last_failure_ = error.what();
    throw;
  }
}

// What was renamed and is in no record has not been counted: it is made again.
void JobRunner::take_over_output(RunningJob& job) {
  job.commit->make_resumable();
  if (job.done_before) {
    job.commit->clean_up();
    job.commit = nullptr;
    return;
  }
  job.commit->set_up_job();
  const plan::Stage& stage = job.result_stage();
  std::set<std::uint32_t> counted{RunningJob::bad_records_partition};
  for (std::uint32_t task = 0; task < stage.partitions.size(); ++task) {
    if (journal_->has(stage.id, task)) counted.insert(stage.partitions[task]);
  }
  for (const std::uint32_t partition : job.commit->committed()) {
    if (!counted.contains(partition)) job.commit->take_back(partition);
  }
}

bool JobRunner::is_done(const RunningJob& job, const plan::Stage& stage, std::uint32_t task) const {
  if (!journal_->has(stage.id, task)) return false;
  return stage.output || job.commit == nullptr || job.commit->is_committed(stage.partitions[task]);
}

exec::Output JobRunner::kept_result(const RunningJob& job, std::uint32_t task) {
  const plan::Stage& stage = job.result_stage();
  if (!stage.output_directory.empty()) return {};
  try {
    return journal_->result(stage.id, task);
  } catch (const Error& error) {
    if (error.cause() != Cause::lost_input) throw;
    return make_again(job, task);
  }
}

void JobRunner::put_in_place(RunningJob& job) {
  if (job.done_before) return;
  if (job.commit != nullptr) {
    try {
      job.commit->commit_job();
    } catch (const Error& error) {
      abandon_output(job);
      tell_commit_failed(job.request.job.id, error);
      throw;
    }
  }
  if (journal_ == nullptr) return;
  journal_->finish(job.request.job.id);
  if (job.commit != nullptr) job.commit->clean_up();
}

// With a journal, the part files that are there are the next driver's.
void JobRunner::abandon_output(const RunningJob& job) {
  if (job.commit != nullptr && journal_ == nullptr) job.commit->abort_job();
}

void JobRunner::clear_attempts(const RunningJob& job) {
  if (journal_ == nullptr) return;
  std::set<StageId> stages;
  for (const auto& [id, stage] : job.stages) stages.insert(id);
  for (const auto& [id, other] : jobs_) {
    if (other.get() == &job) continue;
    for (const auto& [stage, known] : other->stages) stages.erase(stage);
  }
  journal_->clear_attempts(stages);
}

void JobRunner::drop_shuffle(ShuffleId shuffle) {
  executors_->drop_shuffle(shuffle);
  if (journal_ == nullptr) return;
  // The datasets of a run that has failed are gone, too, but the next driver will have them again.
  if (std::uncaught_exceptions() > 0 || !last_failure().empty()) return;
  try {
    journal_->drop(shuffle);
  } catch (const Error&) {
    // The files go with the journal; nobody reads them.
  }
}

}  // namespace millrace::cluster
