#include <benchmark/benchmark.h>
#include <unordered_map>

#include <millrace/internal/aggregate_table.h>

#include "exec/lone_task.h"

namespace millrace::exec {
namespace {

struct Sum {
  using input = std::uint64_t;
  using combined = std::uint64_t;
  std::uint64_t create(std::uint64_t one) const { return one; }
  void add(std::uint64_t& sum, std::uint64_t one) const { sum += one; }
  void merge(std::uint64_t& sum, std::uint64_t other) const { sum += other; }
};

constexpr std::size_t records = 4'000'000;

void count_words(benchmark::State& state) {
  std::string text;
  const auto words = skewed_words(records, static_cast<std::size_t>(state.range(0)), text);
  LoneTask task;
  std::uint64_t total = 0;
  for (auto _ : state) {
    internal::AggregateTable<std::uint64_t, Sum> table(task.context(), Sum(), 1);
    auto full = [&] { state.SkipWithError("the table does not fit"); };
    for (const std::string_view word : words) table.add<0>(word, std::uint64_t{1}, full);
    table.flush(full);
    table.visit([&](auto& slot) { total += slot.value(); });
  }
  if (total != state.iterations() * records) state.SkipWithError("a word was lost");
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * records));
}
BENCHMARK(count_words)->ArgName("distinct")->Arg(1000)->Arg(100'000)->Arg(4'000'000)->Unit(benchmark::kMillisecond);

void count_words_in_unordered_map(benchmark::State& state) {
  std::string text;
  const auto words = skewed_words(records, static_cast<std::size_t>(state.range(0)), text);
  std::uint64_t total = 0;
  for (auto _ : state) {
    std::unordered_map<std::string_view, std::uint64_t> table;
    for (const std::string_view word : words) ++table[word];
    for (const auto& [word, count] : table) total += count;
  }
  benchmark::DoNotOptimize(total);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * records));
}
BENCHMARK(count_words_in_unordered_map)
    ->ArgName("distinct")
    ->Arg(1000)
    ->Arg(100'000)
    ->Arg(4'000'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace millrace::exec
