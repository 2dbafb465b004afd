#include <algorithm>
#include <array>
#include <benchmark/benchmark.h>
#include <cstring>

#include "exec/lone_task.h"

namespace millrace::exec {
namespace {

constexpr std::size_t record_bytes = 100;
constexpr std::size_t key_bytes = 10;

std::shared_ptr<std::vector<std::byte>> random_records(std::size_t count) {
  std::mt19937_64 random(1);
  auto bytes = std::make_shared<std::vector<std::byte>>(count * record_bytes);
  for (std::byte& byte : *bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

int compare(const std::byte* a, const std::byte* b, const void*) { return std::memcmp(a, b, key_bytes); }
std::size_t size(const std::byte*, const std::byte*) { return record_bytes; }
std::uint64_t prefix(const std::byte* at, const std::byte*, const void*) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return __builtin_bswap64(word);
}

void measure(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * state.range(0) * static_cast<std::int64_t>(record_bytes));
}

/// Within `budget` MiB: where 16 bytes a record are more, runs are spilled and merged.
void sort_records(benchmark::State& state) {
  const auto bytes = random_records(static_cast<std::size_t>(state.range(0)));
  LoneTask task(static_cast<std::uint64_t>(state.range(1)) << 20);
  for (auto _ : state) {
    const auto sorter = task.context().sorter({compare, nullptr, size, prefix});
    constexpr std::size_t block = std::size_t{10'000} * record_bytes;
    for (std::size_t at = 0; at < bytes->size(); at += block) {
      sorter->add({bytes, std::span<const std::byte>(*bytes).subspan(at, std::min(block, bytes->size() - at))});
    }
    std::array<const std::byte*, 256> batch{};
    std::size_t visited = 0;
    std::byte last[key_bytes] = {};
    while (const std::size_t count = sorter->next(batch)) {
      for (std::size_t i = 0; i < count; ++i) {
        if (std::memcmp(last, batch[i], key_bytes) > 0) return state.SkipWithError("not in order");
        std::memcpy(last, batch[i], key_bytes);
      }
      visited += count;
    }
    if (visited * record_bytes != bytes->size()) return state.SkipWithError("a record was lost");
  }
  measure(state);
}
BENCHMARK(sort_records)
    ->ArgNames({"records", "budget"})
    ->Args({10'000, 4096})
    ->Args({1'000'000, 4096})
    ->Args({1'000'000, 8})
    ->Unit(benchmark::kMillisecond);

void sort_pointers(benchmark::State& state) {
  const auto bytes = random_records(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    std::vector<const std::byte*> records;
    for (std::size_t at = 0; at < bytes->size(); at += record_bytes) records.push_back(bytes->data() + at);
    std::stable_sort(records.begin(), records.end(),
                     [](const std::byte* a, const std::byte* b) { return std::memcmp(a, b, key_bytes) < 0; });
    benchmark::DoNotOptimize(records.data());
  }
  measure(state);
}
BENCHMARK(sort_pointers)->ArgName("records")->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace millrace::exec
