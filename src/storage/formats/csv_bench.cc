#include <benchmark/benchmark.h>

#include "storage/bench_files.h"
#include "storage/formats/csv.h"
#include "storage/formats/csv_split.h"

namespace millrace::storage {
namespace {

/// Rows of 8 fields of 1 to 16 bytes; every `quoted`-th field is in quotes (0: none).
std::string rows(std::size_t bytes, std::size_t quoted) {
  std::mt19937_64 random(1);
  std::string text;
  std::size_t number = 0;
  while (text.size() < bytes) {
    for (int column = 0; column < 8; ++column) {
      if (column > 0) text += ',';
      const bool in_quotes = quoted != 0 && ++number % quoted == 0;
      if (in_quotes) text += '"';
      text.append(1 + random() % 16, static_cast<char>('a' + random() % 26));
      if (in_quotes) text += "\"\"x\"";
    }
    text += '\n';
  }
  return text;
}

constexpr std::size_t file_bytes = std::size_t{128} << 20;

void read_csv(benchmark::State& state) {
  const bench::TemporaryFile file("csv", rows(file_bytes, static_cast<std::size_t>(state.range(0))));
  std::uint64_t bytes = 0;
  std::uint64_t fields = 0;
  for (auto _ : state) {
    CsvReader reader(local_file_system(), {file.path(), 0, 0, true}, {});
    CsvRow row;
    while (reader.next(row)) fields += row.fields.size();
    bytes += reader.consumed();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.SetItemsProcessed(static_cast<std::int64_t>(fields));
}
BENCHMARK(read_csv)->ArgName("quoted")->Arg(0)->Arg(20)->Arg(1)->Unit(benchmark::kMillisecond);

void split_csv(benchmark::State& state) {
  const bench::TemporaryFile file("csv-split", rows(file_bytes, 20));
  FileInfo info;
  local_file_system().stat(file.path(), info);
  for (auto _ : state) {
    const auto splits = split_csv_files(local_file_system(), std::span(&info, 1), std::uint64_t{8} << 20, {},
                                        static_cast<unsigned>(state.range(0)));
    benchmark::DoNotOptimize(splits.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * info.size));
}
BENCHMARK(split_csv)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace millrace::storage
