#include <benchmark/benchmark.h>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "observe/event_encoder.h"
#include "observe/event_log.h"
#include "observe/event_stream.h"
#include "observe/run_model.h"

namespace millrace::observe {
namespace {

constexpr std::uint32_t tasks = 100'000;

// What one task leaves in the log: four records.
template <class Put>
void publish_tasks(Put put) {
  for (std::uint32_t partition = 0; partition < tasks; ++partition) {
    const AttemptId attempt{StageId{0}, PartitionId{partition}, 0};
    const ExecutorId executor{0};
    sched::TaskMetrics metrics;
    metrics.records_in = metrics.bytes_in = metrics.peak_memory = partition + 1;
    metrics.wall_microseconds = metrics.cpu_microseconds = 5;
    put({Time{partition}, sched::LaunchTask{JobId{0}, attempt, executor, "first attempt"}});
    put({Time{partition}, sched::TaskStarted{attempt, executor}});
    put({Time{partition}, sched::TaskSucceeded{attempt, executor, metrics}});
    put({Time{partition}, sched::TaskCommitted{JobId{0}, attempt, executor, true, "first success"}});
  }
}

Logged submitted() { return {Time{0}, sched::JobSubmitted{{JobId{0}, "job", {{StageId{0}, "s", tasks, {}, {}, 0}}}}}; }

void write_log(benchmark::State& state) {
  for (auto _ : state) {
    EventLogWriter writer("/dev/null");
    EventStream stream;
    stream.add(writer);
    publish_tasks([&](Logged record) { stream.publish(std::move(record)); });
    stream.settle();
    writer.close();
  }
  state.SetItemsProcessed(state.iterations() * tasks);
}
BENCHMARK(write_log)->Unit(benchmark::kMillisecond);

void fold_run(benchmark::State& state) {
  for (auto _ : state) {
    RunModel model(state.range(0) == 0 ? Detail::totals : Detail::attempts);
    model.on(submitted());
    publish_tasks([&](const Logged& record) { model.on(record); });
    if (model.jobs().at(JobId{0}).stages[0].done != tasks) state.SkipWithError("tasks are missing");
  }
  state.SetItemsProcessed(state.iterations() * tasks);
}
BENCHMARK(fold_run)->ArgName("attempts")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void read_log(benchmark::State& state) {
  std::string text = event_log_header();
  append_event(text, submitted());
  publish_tasks([&](const Logged& record) { append_event(text, record); });
  for (auto _ : state) {
    EventLogReader reader("log", text);
    std::size_t records = 0;
    for (Logged record; reader.next(record);) ++records;
    if (records != 4 * tasks + 1) state.SkipWithError("records are missing");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.SetItemsProcessed(state.iterations() * tasks);
}
BENCHMARK(read_log)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace millrace::observe
