#include <benchmark/benchmark.h>
#include <cstring>
#include <vector>

#include "storage/bench_files.h"
#include "storage/record_reader.h"
#include "storage/text_reader.h"

namespace millrace::storage {
namespace {

constexpr std::size_t file_bytes = std::size_t{256} << 20;

const std::string& text_file() {
  static const bench::TemporaryFile file("text", bench::lines(file_bytes, 40));
  return file.path();
}

std::uint64_t size_of(const std::string& path) {
  FileInfo info;
  local_file_system().stat(path, info);
  return info.size;
}

/// The limit: the kernel copies the file into one buffer and nothing looks at it.
void plain_pread(benchmark::State& state) {
  const auto file = local_file_system().open(text_file());
  std::vector<std::byte> buffer(static_cast<std::size_t>(state.range(0)));
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    std::uint64_t offset = 0;
    while (const std::size_t count = file->read_at(offset, buffer)) offset += count;
    bytes += offset;
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(plain_pread)->Arg(256 << 10)->Unit(benchmark::kMillisecond);

/// The splits of one file, one after the other.
void read_text(benchmark::State& state) {
  const std::uint64_t size = size_of(text_file());
  const std::uint64_t split = std::uint64_t{32} << 20;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    for (std::uint64_t begin = 0; begin < size; begin += split) {
      TextReader reader(local_file_system(), {text_file(), begin, std::min(begin + split, size), false},
                        {static_cast<std::size_t>(state.range(0)), {}});
      std::string_view lines;
      std::uint64_t offset = 0;
      while (reader.next(lines, offset)) bytes += lines.size();
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(read_text)->Arg(64 << 10)->Arg(256 << 10)->Arg(1 << 20)->Unit(benchmark::kMillisecond);

void read_records(benchmark::State& state) {
  const std::uint64_t size = size_of(text_file()) / 100 * 100;
  std::string content(static_cast<std::size_t>(size), 'r');
  const bench::TemporaryFile file("records", content);
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    RecordReader reader(local_file_system(), {file.path(), 0, size, true}, 100);
    std::span<const std::byte> records;
    std::uint64_t offset = 0;
    while (reader.next(records, offset)) bytes += records.size();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(read_records)->Unit(benchmark::kMillisecond);

/// What a file costs that holds next to nothing.
void read_tiny_files(benchmark::State& state) {
  const bench::TemporaryFile file("tiny", "one line\n");
  for (auto _ : state) {
    TextReader reader(local_file_system(), {file.path(), 0, 9, true});
    std::string_view lines;
    std::uint64_t offset = 0;
    while (reader.next(lines, offset)) benchmark::DoNotOptimize(lines.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(read_tiny_files);

}  // namespace
}  // namespace millrace::storage
