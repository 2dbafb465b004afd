#include <benchmark/benchmark.h>
#include <filesystem>
#include <string>

#include "storage/input_listing.h"
#include "storage/local_file_system.h"

namespace millrace::storage {
namespace {

void list_a_directory(benchmark::State& state) {
  const std::string directory = (std::filesystem::temp_directory_path() / "millrace-bench-listing").string();
  local_file_system().make_directories(directory);
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    local_file_system().create(directory + "/file-" + std::to_string(i))->close();
  }
  for (auto _ : state) {
    const auto inputs = list_inputs(local_file_system(), std::span(&directory, 1));
    benchmark::DoNotOptimize(inputs.data());
  }
  local_file_system().remove_all(directory);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(list_a_directory)->Arg(100000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace millrace::storage
