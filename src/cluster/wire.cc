#include "cluster/wire.h"

#include <millrace/internal/closure.h>

namespace millrace::cluster {
namespace {

using Merge = void (*)(std::vector<std::byte>&, std::span<const std::byte>);

rpc::WireMetrics wire_of(const sched::TaskMetrics& metrics) {
  rpc::WireMetrics out;
  out.records_in = metrics.records_in;
  out.bytes_in = metrics.bytes_in;
  out.records_out = metrics.records_out;
  out.bytes_out = metrics.bytes_out;
  out.shuffle_bytes_read = metrics.shuffle_bytes_read;
  out.shuffle_bytes_written = metrics.shuffle_bytes_written;
  out.spills = metrics.spills;
  out.spilled_bytes = metrics.spilled_bytes;
  out.peak_memory = metrics.peak_memory;
  out.skipped_records = metrics.skipped_records;
  out.wall_microseconds = metrics.wall_microseconds;
  out.cpu_microseconds = metrics.cpu_microseconds;
  return out;
}

sched::TaskMetrics metrics_of(const rpc::WireMetrics& metrics) {
  sched::TaskMetrics out;
  out.records_in = metrics.records_in;
  out.bytes_in = metrics.bytes_in;
  out.records_out = metrics.records_out;
  out.bytes_out = metrics.bytes_out;
  out.shuffle_bytes_read = metrics.shuffle_bytes_read;
  out.shuffle_bytes_written = metrics.shuffle_bytes_written;
  out.spills = metrics.spills;
  out.spilled_bytes = metrics.spilled_bytes;
  out.peak_memory = metrics.peak_memory;
  out.skipped_records = metrics.skipped_records;
  out.wall_microseconds = metrics.wall_microseconds;
  out.cpu_microseconds = metrics.cpu_microseconds;
  return out;
}

}  // namespace

rpc::AttemptEnded wire_of(const AttemptEnd& end) {
  rpc::AttemptEnded out;
  out.job = end.job.value;
  out.attempt = wire_of(end.attempt);
  out.succeeded = end.result.succeeded ? 1 : 0;
  out.killed = end.killed ? 1 : 0;
  out.cause = static_cast<std::uint8_t>(end.result.cause);
  out.message = end.result.message;
  for (const exec::LostOutput& lost : end.result.lost) out.lost.emplace_back(lost.shuffle.value, lost.map_task);
  for (const auto& [id, sum] : end.result.accumulators) {
    const auto merge = internal::code_offset(reinterpret_cast<const void*>(sum.merge));
    out.accumulators.push_back({id, merge, {reinterpret_cast<const char*>(sum.value.data()), sum.value.size()}});
  }
  out.counters.assign(end.result.counters.begin(), end.result.counters.end());
  for (const exec::BadRecord& bad : end.result.bad_records) {
    out.bad_records.push_back({bad.path, bad.offset, bad.content, bad.message});
  }
  out.metrics = wire_of(end.metrics);
  return out;
}

AttemptEnd attempt_end_of(rpc::AttemptEnded message, ExecutorId executor) {
  if (message.cause > static_cast<std::uint8_t>(Cause::internal)) {
    throw Error(Cause::bad_data, "an attempt ended by a cause that is none");
  }
  AttemptEnd end{JobId{message.job}, attempt_of(message.attempt), executor, message.killed != 0, {}, {}};
  exec::TaskResult& result = end.result;
  result.succeeded = message.succeeded != 0;
  result.cause = static_cast<Cause>(message.cause);
  result.message = std::move(message.message);
  for (const auto& [shuffle, map_task] : message.lost) result.lost.push_back({ShuffleId{shuffle}, map_task});
  for (const rpc::WireAccumulator& sum : message.accumulators) {
    const auto bytes = std::as_bytes(std::span(sum.value));
    exec::AccumulatorValue& value = result.accumulators[sum.id];
    value.value.assign(bytes.begin(), bytes.end());
    value.merge = reinterpret_cast<Merge>(const_cast<void*>(internal::code_address(sum.merge)));
  }
  for (const auto& [name, amount] : message.counters) result.counters[name] += amount;
  for (rpc::WireBadRecord& bad : message.bad_records) {
    result.bad_records.push_back({std::move(bad.path), bad.offset, std::move(bad.content), std::move(bad.message)});
  }
  result.skipped_records = message.metrics.skipped_records;
  result.output.bytes = message.metrics.shuffle_bytes_written;
  end.metrics = metrics_of(message.metrics);
  end.metrics.counters = result.counters;
  return end;
}

}  // namespace millrace::cluster
