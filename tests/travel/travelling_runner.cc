#include "tests/travel/travelling_runner.h"

#include <filesystem>
#include <gtest/gtest.h>

#include "exec/accumulator_store.h"
#include "exec/broadcast_store.h"
#include "storage/commit.h"
#include "storage/local_file_system.h"

namespace millrace::travel {
namespace {

// The first, the last and one in the middle: what differs between the tasks of a stage is the split or the partition.
bool travels(std::uint32_t task, std::size_t tasks) { return task == 0 || task == tasks / 2 || task + 1 == tasks; }

// Ids count from 0 within the process. Those whose session has ended are sent empty: nobody asks for them.
std::vector<Bytes> all_broadcasts() {
  constexpr std::uint32_t most = 100;
  std::vector<Bytes> values(most);
  for (std::uint32_t id = 0; id < most; ++id) {
    try {
      const auto bytes = exec::broadcast_store().bytes(id);
      values[id].assign(bytes.begin(), bytes.end());
    } catch (const Error&) {
      values[id].clear();
    }
  }
  return values;
}

void expect_same(const Outcome& here, const Outcome& there, const std::string& what) {
  SCOPED_TRACE(what);
  EXPECT_TRUE(there.succeeded) << there.message;
  EXPECT_EQ(here.partitions.size(), there.partitions.size());
  for (std::size_t i = 0; i < std::min(here.partitions.size(), there.partitions.size()); ++i) {
    EXPECT_TRUE(here.partitions[i] == there.partitions[i])
        << "partition " << i << ": " << here.partitions[i].size() << " and " << there.partitions[i].size() << " bytes";
  }
  EXPECT_EQ(here.files, there.files);
  EXPECT_EQ(here.counters, there.counters);
  EXPECT_TRUE(here.accumulators == there.accumulators);
  EXPECT_EQ(here.records_out, there.records_out);
}

}  // namespace

TravellingRunner::TravellingRunner(std::string folder, std::uint64_t memory_bytes)
    : folder_(std::move(folder)),
      memory_bytes_(memory_bytes),
      memory_(memory_bytes, 1),
      blocks_(memory_, storage::local_file_system(), folder_, exec::Carrier::files),
      cache_(blocks_) {}

std::int64_t TravellingRunner::counter(const std::string& name) const {
  const auto found = counters_.find(name);
  return found == counters_.end() ? 0 : found->second;
}

void TravellingRunner::run(Request request, const std::function<void(std::span<const std::byte>)>& result) {
  storage::FileSystem& files = storage::local_file_system();
  for (const plan::Stage& stage : request.job.stages) {
    const bool writes_files = !stage.output && !stage.output_directory.empty();
    std::unique_ptr<storage::OutputCommit> commit;
    if (writes_files) {
      commit = std::make_unique<storage::OutputCommit>(files, stage.output_directory, false, "travel");
      commit->set_up_job();
    }
    for (std::uint32_t task = 0; task < stage.partitions.size(); ++task) {
      if (stage.output && shuffles_.has(stage.output->shuffle, task)) continue;
      const std::uint32_t partition = stage.partitions[task];
      exec::Output output =
          run_task(stage, task, request, writes_files ? commit->attempt_directory(partition, 0) : std::string());
      if (stage.output) {
        partitions_[stage.output->shuffle] = stage.output->partitions;
        shuffles_.put(stage.output->shuffle, task, std::move(output));
        continue;
      }
      if (writes_files) commit->commit_task(partition, 0);
      for (const auto& blocks : output.partitions) {
        for (const Bytes& block : read_blocks(blocks, memory_)) result(block);
      }
    }
    if (writes_files) commit->commit_job();
  }
}

exec::Output TravellingRunner::run_task(const plan::Stage& stage, std::uint32_t task, const Request& request,
                                        const std::string& output_directory) {
  Outcome there;
  const bool sent = travels(task, stage.partitions.size());
  if (sent) there = send(stage, task, request, !output_directory.empty());
  exec::KeyCounts key_counts;  // as a process knows that has run no task yet
  exec::Environment environment{memory_, blocks_, shuffles_, cache_, storage::local_file_system(), key_counts};
  exec::TaskSpec spec;
  spec.stage = &stage;
  spec.task = task;
  spec.map_tasks = request.map_tasks;
  spec.output_directory = output_directory;
  exec::TaskResult result = exec::Attempt(environment, std::move(spec)).run();
  if (!result.succeeded) throw Error(result.cause, result.message);
  if (sent) {
    expect_same(outcome_of(result, output_directory, memory_), there, stage.name + ", task " + std::to_string(task));
    travelled_.insert(stage.name);
  }
  for (const auto& [name, amount] : result.counters) counters_[name] += amount;
  for (const auto& [id, sum] : result.accumulators) exec::accumulator_store().merge(id, sum.value, sum.merge);
  return std::move(result.output);
}

Outcome TravellingRunner::send(const plan::Stage& stage, std::uint32_t task, const Request& request,
                               bool writes_files) {
  const std::string folder = folder_ + "/sent-" + std::to_string(sent_++);
  std::filesystem::create_directories(folder + "/tmp");
  Parcel parcel;
  parcel.stage = plan::encode_stage(stage);
  parcel.task = task;
  for (const ShuffleId shuffle : stage.reads) {
    parcel.shuffles.push_back(ship(shuffle, request.map_tasks.at(shuffle), partitions_.at(shuffle)));
  }
  parcel.broadcasts = all_broadcasts();
  parcel.memory_bytes = memory_bytes_;
  parcel.tmp = folder + "/tmp";
  if (writes_files) {
    parcel.output_directory = folder + "/output";
    std::filesystem::create_directory(parcel.output_directory);
  }
  Outcome outcome = run_in_second_process(parcel, folder);
  std::filesystem::remove_all(folder);
  return outcome;
}

ShippedShuffle TravellingRunner::ship(ShuffleId shuffle, std::uint32_t map_tasks, std::uint32_t partitions) {
  ShippedShuffle out{shuffle.value, {}};
  out.maps.resize(map_tasks, std::vector<ShippedShuffle::Blocks>(partitions));
  for (std::uint32_t partition = 0; partition < partitions; ++partition) {
    std::vector<std::uint32_t> lost;
    for (const auto& map : shuffles_.blocks(shuffle, map_tasks, partition, lost)) {
      out.maps[map.map_task][partition] = read_blocks(map.blocks, memory_);
    }
    if (!lost.empty()) throw Error(Cause::lost_input, "a stage ran before what it reads");
  }
  return out;
}

}  // namespace millrace::travel
