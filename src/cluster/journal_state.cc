#include "cluster/journal_state.h"

#include <fmt/format.h>

#include <millrace/error.h>

#include "rpc/frame.h"

namespace millrace::cluster {

JournalState JournalState::read(std::span<const std::byte> file) {
  JournalState state;
  journal::Reader reader(file);
  state.whole_bytes = reader.end();
  std::uint8_t kind = 0;
  for (std::span<const std::byte> payload; reader.next(kind, payload); state.whole_bytes = reader.end()) {
    try {
      state.take(kind, payload);
    } catch (const Error&) {
      break;  // its checksum is right and its content is not: another version wrote it
    }
  }
  return state;
}

void JournalState::take(std::uint8_t kind, std::span<const std::byte> payload) {
  if (begun.has_value() == (kind == journal::Begun::kind)) {
    throw Error(Cause::bad_data, "the first record of a journal, and no other, tells of the run");
  }
  switch (kind) {
    case journal::Begun::kind:
      begun = rpc::decode_message<journal::Begun>(payload);
      return;
    case journal::Resumed::kind:
      rpc::decode_message<journal::Resumed>(payload);
      ++restarts;
      return;
    case journal::JobBegun::kind:
      return take(rpc::decode_message<journal::JobBegun>(payload));
    case journal::TaskDone::kind:
      return take(rpc::decode_message<journal::TaskDone>(payload));
    case journal::JobDone::kind:
      return take(rpc::decode_message<journal::JobDone>(payload));
    default:
      throw Error(Cause::bad_data, fmt::format("there are no records of kind {}", kind));
  }
}

void JournalState::take(const journal::JobBegun& record) {
  Job& job = jobs[record.job];
  bool same = !record.stages.empty() && !job.begun.stages.empty() && record.stages.back() == job.begun.stages.back();
  for (const auto& [id, fingerprint] : record.stages) {
    Stage& stage = stages[id];
    if (stage.fingerprint == fingerprint) continue;
    stage = {fingerprint, {}};
    same = false;
  }
  job.begun = record;
  job.done = job.done && same;
}

void JournalState::take(journal::TaskDone record) {
  const auto stage = stages.find(record.end.attempt.stage);
  if (stage == stages.end()) throw Error(Cause::bad_data, "a task of a stage that no job has");
  const std::uint32_t task = record.end.attempt.partition;
  stage->second.done.try_emplace(task, std::move(record.end));
}

void JournalState::take(const journal::JobDone& record) {
  const auto job = jobs.find(record.job);
  if (job == jobs.end()) throw Error(Cause::bad_data, "the end of a job that was not begun");
  job->second.done = true;
}

}  // namespace millrace::cluster
