#include "cluster/executor_connection.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <sys/epoll.h>

#include "cluster/crash_line.h"
#include "cluster/wire.h"

namespace millrace::cluster {
namespace {

void control(int poll, int operation, const ExecutorConnection& connection, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = connection.id.value;
  epoll_ctl(poll, operation, connection.socket.descriptor(), &event);
}

}  // namespace

ExecutorConnection::ExecutorConnection(const rpc::Join& join)
    : ticket(join.ticket),
      host(join.host),
      rack(join.rack),
      blocks{join.block_host, join.block_port},
      heard(Clock::now()) {}

void ExecutorConnection::watch(int poll) const { control(poll, EPOLL_CTL_ADD, *this, EPOLLIN); }

void ExecutorConnection::forget(int poll) const { control(poll, EPOLL_CTL_DEL, *this, 0); }

void ExecutorConnection::flush(int poll) {
  try {
    sent += socket.send_now(std::span(out).subspan(sent));
    if (sent < out.size()) {
      control(poll, EPOLL_CTL_MOD, *this, EPOLLIN | EPOLLOUT);
      blocked = true;
      return;
    }
  } catch (const Error&) {
    // Reading will say what is wrong.
  }
  out.clear();
  sent = 0;
  if (std::exchange(blocked, false)) control(poll, EPOLL_CTL_MOD, *this, EPOLLIN);
}

void ExecutorConnection::receive(const Take& take) try {
  constexpr int most_reads = 16;  // so that one that says much does not keep the others waiting
  for (int reads = 0; reads < most_reads; ++reads) {
    const std::span<std::byte> room = in.room();
    const auto count = socket.receive_now(room);
    if (!count) return;
    if (*count == 0) {
      gone = true;
      fault = "its process is gone";
      return;
    }
    heard = Clock::now();
    in.received(*count);
    std::uint8_t kind = 0;
    for (std::span<const std::byte> payload; in.next(kind, payload);) take(kind, payload);
    if (*count < room.size()) return;
  }
} catch (const Error& error) {
  gone = error.cause() == Cause::lost_node;
  fault = error.what();
}

void ExecutorConnection::take_result(const rpc::ResultBlock& message, exec::BlockStore& blocks_of_driver) {
  auto& writer = results[attempt_of(message.attempt)];
  if (writer == nullptr) {
    writer = std::make_unique<exec::BlockWriter>(blocks_of_driver, 1, exec::Placement::memory_then_files);
  }
  std::byte* const at = writer->room(0, message.bytes.size());
  std::memcpy(at, message.bytes.data(), message.bytes.size());
  writer->wrote(0, at + message.bytes.size());
}

std::optional<Launch> ExecutorConnection::take_off(const AttemptId& attempt) {
  auto launched = running.extract(attempt);
  const bool brought = unclaimed.erase(attempt) != 0;
  progress.erase(attempt);
  if (launched.empty()) return brought ? std::optional(Launch{}) : std::nullopt;
  return std::move(launched.mapped());
}

std::optional<exec::Output> ExecutorConnection::result_of(const AttemptId& attempt) {
  const auto written = results.find(attempt);
  if (written == results.end()) return std::nullopt;
  written->second->finish();
  exec::Output output = *written->second->take();
  results.erase(written);
  return output;
}

void ExecutorConnection::tell_stage(const Launch& launch) {
  if (!stages.emplace(launch.job, launch.attempt.stage).second) return;
  const std::vector<std::byte> bytes = plan::encode_stage(*launch.stage);
  rpc::StageMessage message;
  message.job = launch.job.value;
  message.fingerprint = launch.fingerprint;
  message.bytes = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  for (const auto& [shuffle, tasks] : *launch.map_tasks) message.map_tasks.emplace_back(shuffle.value, tasks);
  if (launch.skips_left != nullptr) message.skips = std::max<std::int64_t>(*launch.skips_left, 0);
  rpc::append_frame(out, message);
}

void ExecutorConnection::drop_job(JobId job) {
  auto stage = stages.lower_bound({job, StageId{0}});
  while (stage != stages.end() && stage->first == job) stage = stages.erase(stage);
}

// An attempt that brought its process down has failed by its own doing; the others there were only near it.
std::optional<AttemptEnd> ExecutorConnection::crash(const rpc::Secret& secret) {
  constexpr rpc::Socket::Timeout patience{500};
  CrashNote note;
  if (running.empty() || !read_crash_note(crash_line, secret, note, patience)) return std::nullopt;
  const AttemptId attempt{StageId{note.stage}, PartitionId{note.partition}, note.number};
  const auto launched = running.find(attempt);
  if (launched == running.end()) return std::nullopt;
  const plan::Stage& stage = *launched->second.stage;
  std::string operations;
  for (const auto& [node, text] : stage.operations) operations += (operations.empty() ? "" : ", ") + text;
  const std::string place = note.has_place != 0 ? fmt::format("{}, bytes {}-{}", note.path, note.begin, note.end)
                                                : fmt::format("partition {}", stage.partitions[note.partition]);
  fault = fmt::format("its process crashed by signal {} ({})", note.signal, strsignal(note.signal));
  AttemptEnd end{launched->second.job, attempt, id, false, {}, {}};
  end.result.cause = Cause::user_code;
  end.result.message =
      fmt::format("a function of the job crashed its process with signal {} ({}) on {}; it is one of: {}", note.signal,
                  strsignal(note.signal), place, operations);
  return end;
}

}  // namespace millrace::cluster
