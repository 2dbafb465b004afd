#pragma once

#include <concepts>
#include <type_traits>

#include "observe/logged.h"

// The names of the fields of every record, once, for the encoder and the decoder alike. Internal to observe.
//
// fields(archive, value) hands the archive each field: archive("name", field) for one that every record has,
// archive.maybe("name", field) for one that is left out when it has its default value, and likewise
// archive.microseconds for a time, which is from 0 to 2^53 so that sums and differences of times are safe,
// archive.flags for one flag a task, archive.attempts for attempts with their numbers, archive.part for an object whose
// fields may all be left out. Names are a file format (docs/formats.md): add, never rename.

namespace millrace::observe {

template <class T, class Of>
concept Is = std::same_as<std::remove_const_t<T>, Of>;

template <class Value>
constexpr const char* kind_of() {
  if constexpr (std::is_same_v<Value, sched::ExecutorAdded>) return "executor_added";
  if constexpr (std::is_same_v<Value, sched::ExecutorLost>) return "executor_lost";
  if constexpr (std::is_same_v<Value, sched::ExecutorDraining>) return "executor_draining";
  if constexpr (std::is_same_v<Value, sched::DriverRestarted>) return "driver_restarted";
  if constexpr (std::is_same_v<Value, sched::ExecutorReturned>) return "executor_returned";
  if constexpr (std::is_same_v<Value, sched::JobSubmitted>) return "job_submitted";
  if constexpr (std::is_same_v<Value, sched::JobCancelled>) return "job_cancelled";
  if constexpr (std::is_same_v<Value, sched::TaskStarted>) return "task_started";
  if constexpr (std::is_same_v<Value, sched::TaskProgress>) return "task_progress";
  if constexpr (std::is_same_v<Value, sched::TaskSucceeded>) return "task_succeeded";
  if constexpr (std::is_same_v<Value, sched::TaskFailed>) return "task_failed";
  if constexpr (std::is_same_v<Value, sched::Tick>) return "tick";
  if constexpr (std::is_same_v<Value, sched::LaunchTask>) return "task_launched";
  if constexpr (std::is_same_v<Value, sched::KillTask>) return "task_killed";
  if constexpr (std::is_same_v<Value, sched::TaskCommitted>) return "task_committed";
  if constexpr (std::is_same_v<Value, sched::StageStarted>) return "stage_started";
  if constexpr (std::is_same_v<Value, sched::StageFinished>) return "stage_finished";
  if constexpr (std::is_same_v<Value, sched::StageSkipped>) return "stage_skipped";
  if constexpr (std::is_same_v<Value, sched::ExecutorSetAside>) return "executor_set_aside";
  if constexpr (std::is_same_v<Value, sched::ExecutorReadmitted>) return "executor_readmitted";
  if constexpr (std::is_same_v<Value, sched::JobSucceeded>) return "job_succeeded";
  if constexpr (std::is_same_v<Value, sched::JobFailed>) return "job_failed";
  if constexpr (std::is_same_v<Value, sched::ExecutorsAsked>) return "executors_asked";
  if constexpr (std::is_same_v<Value, sched::RequestsWithdrawn>) return "requests_withdrawn";
  if constexpr (std::is_same_v<Value, sched::RequestsRefused>) return "requests_refused";
  if constexpr (std::is_same_v<Value, RunStarted>) return "run_started";
  if constexpr (std::is_same_v<Value, JobPlanned>) return "job_planned";
  if constexpr (std::is_same_v<Value, LiveBytes>) return "live_bytes";
  if constexpr (std::is_same_v<Value, RunEnded>) return "run_ended";
}

template <class Archive>
void attempt_fields(Archive& archive, Is<AttemptId> auto& attempt) {
  archive("stage", attempt.stage.value);
  archive("partition", attempt.partition.value);
  archive("attempt", attempt.number);
}

template <class Archive>
void fields(Archive& archive, Is<sched::ExecutorAdded> auto& value) {
  archive("executor", value.executor.value);
  archive("slots", value.slots);
  archive.maybe("host", value.host);
  archive.maybe("rack", value.rack);
  archive.attempts("running", value.running);
}

template <class Archive>
void fields(Archive& archive, Is<sched::ExecutorDraining> auto& value) {
  archive("executor", value.executor.value);
  archive.maybe("reason", value.reason);
}

template <class Archive>
void fields(Archive&, Is<sched::DriverRestarted> auto&) {}

template <class Archive>
void fields(Archive& archive, Is<sched::ExecutorReturned> auto& value) {
  archive("executor", value.executor.value);
  archive.attempts("running", value.running);
}

template <class Archive>
void fields(Archive& archive, Is<sched::TaskPlace> auto& value) {
  archive.maybe("executors", value.executors);
  archive.maybe("hosts", value.hosts);
  archive.maybe("cached", value.cached);
}

template <class Archive>
void fields(Archive& archive, Is<sched::ExecutorLost> auto& value) {
  archive("executor", value.executor.value);
  archive.maybe("reason", value.reason);
}

template <class Archive>
void fields(Archive& archive, Is<sched::StageSpec> auto& value) {
  archive("stage", value.id.value);
  archive("name", value.name);
  archive("tasks", value.tasks);
  archive.maybe("parents", value.parents);
  archive.flags("done", value.done, value.tasks);
  archive.maybe("input_bytes", value.input_bytes);
  archive.maybe("holders", value.holders);
  archive.maybe("places", value.places);
  archive.attempts("running", value.running);
}

template <class Archive>
void fields(Archive& archive, Is<sched::JobSubmitted> auto& value) {
  archive("job", value.job.id.value);
  archive("name", value.job.name);
  archive("stages", value.job.stages);
}

template <class Archive>
void fields(Archive& archive, Is<sched::JobCancelled> auto& value) {
  archive("job", value.job.value);
  archive.maybe("reason", value.reason);
}

template <class Archive>
void fields(Archive& archive, Is<sched::TaskMetrics> auto& value) {
  archive.maybe("records_in", value.records_in);
  archive.maybe("bytes_in", value.bytes_in);
  archive.maybe("records_out", value.records_out);
  archive.maybe("bytes_out", value.bytes_out);
  archive.maybe("shuffle_bytes_read", value.shuffle_bytes_read);
  archive.maybe("shuffle_bytes_written", value.shuffle_bytes_written);
  archive.maybe("spills", value.spills);
  archive.maybe("spilled_bytes", value.spilled_bytes);
  archive.maybe("peak_memory", value.peak_memory);
  archive.maybe("skipped_records", value.skipped_records);
  archive.microseconds("wall_us", value.wall_microseconds);
  archive.microseconds("cpu_us", value.cpu_microseconds);
  archive.maybe("counters", value.counters);
}

template <class Archive>
void fields(Archive& archive, Is<sched::TaskStarted> auto& value) {
  attempt_fields(archive, value.attempt);
  archive("executor", value.executor.value);
}

template <class Archive>
void fields(Archive& archive, Is<sched::TaskProgress> auto& value) {
  attempt_fields(archive, value.attempt);
  archive("executor", value.executor.value);
  archive("millionths", value.millionths);
}

template <class Archive>
void fields(Archive& archive, Is<sched::TaskSucceeded> auto& value) {
  attempt_fields(archive, value.attempt);
  archive("executor", value.executor.value);
  archive.part("metrics", value.metrics);
}

template <class Archive>
void fields(Archive& archive, Is<sched::TaskFailed> auto& value) {
  attempt_fields(archive, value.attempt);
  archive("executor", value.executor.value);
  archive("cause", value.failure.cause);
  archive.maybe("message", value.failure.message);
  archive.maybe("lost", value.failure.lost);
  archive.part("metrics", value.metrics);
}

template <class Archive>
void fields(Archive&, Is<sched::Tick> auto&) {}

template <class Archive>
void fields(Archive& archive, Is<sched::LaunchTask> auto& value) {
  archive("job", value.job.value);
  attempt_fields(archive, value.attempt);
  archive("executor", value.executor.value);
  archive.maybe("reason", value.reason);
  archive.maybe("backup", value.backup);
  archive.maybe("adopted", value.adopted);
}

template <class Archive>
void fields(Archive& archive, Is<sched::KillTask> auto& value) {
  archive("job", value.job.value);
  attempt_fields(archive, value.attempt);
  archive("executor", value.executor.value);
  archive.maybe("reason", value.reason);
}

template <class Archive>
void fields(Archive& archive, Is<sched::TaskCommitted> auto& value) {
  archive("job", value.job.value);
  attempt_fields(archive, value.attempt);
  archive("executor", value.executor.value);
  archive("first", value.first);
  archive.maybe("reason", value.reason);
}

template <class Archive, class Value>
void stage_change_fields(Archive& archive, Value& value) {
  archive("job", value.job.value);
  archive("stage", value.stage.value);
  archive.maybe("reason", value.reason);
}

template <class Archive>
void fields(Archive& archive, Is<sched::StageStarted> auto& value) {
  stage_change_fields(archive, value);
}

template <class Archive>
void fields(Archive& archive, Is<sched::StageFinished> auto& value) {
  stage_change_fields(archive, value);
}

template <class Archive>
void fields(Archive& archive, Is<sched::StageSkipped> auto& value) {
  stage_change_fields(archive, value);
}

template <class Archive>
void fields(Archive& archive, Is<sched::ExecutorSetAside> auto& value) {
  archive("executor", value.executor.value);
  archive.microseconds("until", value.until.microseconds);
  archive.maybe("reason", value.reason);
}

template <class Archive>
void fields(Archive& archive, Is<sched::ExecutorReadmitted> auto& value) {
  archive("executor", value.executor.value);
  archive.maybe("reason", value.reason);
}

template <class Archive>
void fields(Archive& archive, Is<sched::JobSucceeded> auto& value) {
  archive("job", value.job.value);
  archive.maybe("reason", value.reason);
}

template <class Archive>
void fields(Archive& archive, Is<sched::JobFailed> auto& value) {
  archive("job", value.job.value);
  archive("cause", value.cause);
  archive.maybe("reason", value.reason);
}

template <class Archive, class Value>
requires Is<Value, sched::ExecutorsAsked> || Is<Value, sched::RequestsWithdrawn> || Is<Value, sched::RequestsRefused>
void fields(Archive& archive, Value& value) {
  archive("count", value.count);
  archive.maybe("reason", value.reason);
}

template <class Archive>
void fields(Archive& archive, Is<RunStarted> auto& value) {
  archive.microseconds("unix_us", value.unix_microseconds);
  archive("version", value.version);
  archive.maybe("command", value.command);
  archive.maybe("host", value.host);
  archive.maybe("processor", value.processor);
  archive.maybe("cores", value.cores);
  archive.maybe("memory_bytes", value.memory_bytes);
  archive.maybe("options", value.options);
}

template <class Archive>
void fields(Archive& archive, Is<InputFact> auto& value) {
  archive("path", value.path);
  archive.maybe("bytes", value.bytes);
}

template <class Archive>
void fields(Archive& archive, Is<JobPlanned> auto& value) {
  archive("job", value.job.value);
  archive.maybe("plan", value.plan);
  archive.maybe("inputs", value.inputs);
  archive.maybe("output", value.output);
}

template <class Archive>
void fields(Archive& archive, Is<LiveBytes> auto& value) {
  archive("job", value.job.value);
  archive("stage", value.stage.value);
  archive("bytes_in", value.bytes_in);
}

template <class Archive>
void fields(Archive& archive, Is<RunEnded> auto& value) {
  archive("status", value.status);
  archive.maybe("message", value.message);
  archive.maybe("broadcast_bytes", value.broadcast_bytes);
}

}  // namespace millrace::observe
