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

// Nobody has told the driver of them that they ended: they are committed now, as if it had been told. What is missing
// of what they made is made again.
void JobRunner::commit_left_behind(RunningJob& job) {
  std::uint32_t committed = 0;
  for (AttemptEnd& end : std::exchange(job.left_behind, {})) {
    const plan::Stage& stage = *job.stages.at(end.attempt.stage);
    if (!stage.output && job.commit != nullptr) {
      const std::uint32_t partition = stage.partitions[end.attempt.partition.value];
      if (!job.commit->has_attempt(partition, end.attempt.number)) continue;
      job.commit->commit_task(partition, end.attempt.number);
    } else if (!journal_->is_whole(end.attempt)) {
      continue;
    }
    if (!journal_->commit(end, stage, true)) continue;
    ++committed;
    const std::lock_guard lock(mutex_);
    count_earlier(job, std::move(end));
  }
  if (job.commit != nullptr) job.commit->drop_attempts();
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
