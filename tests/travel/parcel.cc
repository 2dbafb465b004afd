#include "tests/travel/parcel.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

#include <millrace/codec.h>

#include "exec/broadcast_store.h"
#include "exec/stores.h"
#include "storage/local_file_system.h"

namespace millrace::travel {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class T>
void write_value(const std::string& path, const T& value) {
  Encoder out;
  out.put(value);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(out.bytes().data()), static_cast<std::streamsize>(out.size()));
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

template <class T>
T read_value(const std::string& path) {
  const std::string bytes = read_file(path);
  Decoder in(std::as_bytes(std::span(bytes)));
  T value = in.get<T>();
  if (!in.done()) throw std::runtime_error(path + " goes on after its end");
  return value;
}

exec::Output stored(const std::vector<ShippedShuffle::Blocks>& partitions, exec::BlockStore& store) {
  const auto count = static_cast<std::uint32_t>(partitions.size());
  exec::BlockWriter writer(store, count, exec::Placement::memory_then_files);
  for (std::uint32_t partition = 0; partition < count; ++partition) {
    for (const Bytes& block : partitions[partition]) {
      std::byte* const at = writer.room(partition, block.size());
      std::memcpy(at, block.data(), block.size());
      writer.wrote(partition, at + block.size());
    }
  }
  writer.finish();
  return writer.take().value();
}

}  // namespace

ShippedShuffle::Blocks read_blocks(const std::vector<exec::StoredBlock>& blocks, exec::Memory& memory) {
  std::uint64_t bytes_read = 0;
  exec::StoredBlockStream stream([&memory](std::size_t bytes) { return memory.pages(bytes); }, blocks, &bytes_read);
  ShippedShuffle::Blocks out;
  exec::Block block;
  while (stream.next(block)) out.emplace_back(block.bytes.begin(), block.bytes.end());
  return out;
}

Outcome outcome_of(const exec::TaskResult& result, const std::string& output_directory, exec::Memory& memory) {
  Outcome out;
  out.succeeded = result.succeeded;
  out.message = result.message;
  out.records_out = result.records_out;
  for (const auto& blocks : result.output.partitions) {
    Bytes& all = out.partitions.emplace_back();
    for (const Bytes& block : read_blocks(blocks, memory)) all.insert(all.end(), block.begin(), block.end());
  }
  for (const auto& [id, sum] : result.accumulators) out.accumulators.emplace_back(id, sum.value);
  out.counters.assign(result.counters.begin(), result.counters.end());
  if (output_directory.empty()) return out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(output_directory)) {
    if (!entry.is_regular_file()) continue;
    out.files.emplace_back(std::filesystem::relative(entry.path(), output_directory).string(),
                           read_file(entry.path().string()));
  }
  std::sort(out.files.begin(), out.files.end());
  return out;
}

Outcome run_in_second_process(const Parcel& parcel, const std::string& folder) {
  const std::string parcel_path = folder + "/parcel";
  const std::string outcome_path = folder + "/outcome";
  write_value(parcel_path, parcel);
  std::filesystem::remove(outcome_path);
  const char* const arguments[] = {"travel_test", "--run-parcel", parcel_path.c_str(), outcome_path.c_str(), nullptr};
  pid_t child = 0;
  const int error =
      posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, const_cast<char* const*>(arguments), environ);
  if (error != 0) throw std::runtime_error(std::string("cannot start the second process: ") + std::strerror(error));
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) {
    throw std::runtime_error("the second process ended with status " + std::to_string(status));
  }
  return read_value<Outcome>(outcome_path);
}

int run_parcel(const std::string& parcel_path, const std::string& outcome_path) {
  const auto parcel = read_value<Parcel>(parcel_path);
  const plan::Stage stage = plan::decode_stage(parcel.stage);
  for (const Bytes& value : parcel.broadcasts) exec::broadcast_store().add(value);
  exec::Stores stores(parcel.memory_bytes, 1, storage::local_file_system(), parcel.tmp, exec::Carrier::memory);
  exec::TaskSpec spec;
  spec.stage = &stage;
  spec.task = parcel.task;
  spec.output_directory = parcel.output_directory;
  for (const ShippedShuffle& shipped : parcel.shuffles) {
    const ShuffleId id{shipped.shuffle};
    spec.map_tasks[id] = static_cast<std::uint32_t>(shipped.maps.size());
    for (std::uint32_t map = 0; map < shipped.maps.size(); ++map) {
      stores.shuffles.put(id, map, stored(shipped.maps[map], stores.blocks));
    }
  }
  exec::Attempt attempt(stores.environment, std::move(spec));
  write_value(outcome_path, outcome_of(attempt.run(), parcel.output_directory, stores.memory));
  return 0;
}

}  // namespace millrace::travel
