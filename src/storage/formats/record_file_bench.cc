#include <benchmark/benchmark.h>
#include <cstring>
#include <vector>

#include "storage/bench_files.h"
#include "storage/formats/record_file.h"

namespace millrace::storage {
namespace {

constexpr std::size_t element_bytes = 24;
constexpr std::size_t element_count = std::size_t{4} << 20;

/// Elements of a counter and two small numbers, which compress about as well as real keys and counts do.
std::vector<std::byte> elements() {
  std::mt19937_64 random(1);
  std::vector<std::byte> bytes(element_bytes * element_count);
  for (std::size_t i = 0; i < element_count; ++i) {
    const std::uint64_t values[3] = {i * 7, random() % 100000, random() % 100};
    std::memcpy(bytes.data() + i * element_bytes, values, element_bytes);
  }
  return bytes;
}

std::string path_for(BlockCodec codec) {
  return (std::filesystem::temp_directory_path() / ("millrace-bench-records-" + std::string(name(codec)))).string();
}

void write_file(BlockCodec codec, std::span<const std::byte> bytes) {
  RecordFileWriter writer(local_file_system().create(path_for(codec)), "three numbers", codec);
  for (std::size_t i = 0; i < bytes.size(); i += element_bytes) writer.add(bytes.subspan(i, element_bytes));
  writer.close();
}

void write_records(benchmark::State& state) {
  const auto codec = static_cast<BlockCodec>(state.range(0));
  const auto bytes = elements();
  for (auto _ : state) write_file(codec, bytes);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
  state.SetLabel(name(codec));
  local_file_system().remove_all(path_for(codec));
}
BENCHMARK(write_records)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

void read_record_blocks(benchmark::State& state) {
  const auto codec = static_cast<BlockCodec>(state.range(0));
  write_file(codec, elements());
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    RecordFileReader reader(local_file_system(), {path_for(codec), 0, 0, true});
    RecordBlock block;
    while (reader.next(block)) bytes += block.bytes.size();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.SetLabel(name(codec));
  local_file_system().remove_all(path_for(codec));
}
BENCHMARK(read_record_blocks)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace millrace::storage
