#include <benchmark/benchmark.h>

#include <millrace/text.h>

#include "exec/lone_task.h"

namespace millrace::exec {
namespace {

std::string text() {
  std::string text;
  skewed_words(4'000'000, 100'000, text);
  return text;
}

void measure(benchmark::State& state, const std::string& text, std::uint64_t found) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(found));
}

void split_words(benchmark::State& state) {
  const std::string all = text();
  std::uint64_t found = 0;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    words(all, [&](std::string_view word) {
      ++found;
      bytes += word.size();
    });
  }
  benchmark::DoNotOptimize(bytes);
  measure(state, all, found);
}
BENCHMARK(split_words)->Unit(benchmark::kMillisecond);

void split_words_by_byte(benchmark::State& state) {
  const std::string all = text();
  std::uint64_t found = 0;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    const char* const end = all.data() + all.size();
    for (const char* at = all.data(); at != end;) {
      while (at != end && internal::is_space(*at)) ++at;
      const char* const begin = at;
      while (at != end && !internal::is_space(*at)) ++at;
      if (at == begin) continue;
      ++found;
      bytes += static_cast<std::uint64_t>(at - begin);
    }
  }
  benchmark::DoNotOptimize(bytes);
  measure(state, all, found);
}
BENCHMARK(split_words_by_byte)->Unit(benchmark::kMillisecond);

/// The scan alone, without looking at what it found.
void find_edges(benchmark::State& state) {
  const std::string all = text();
  constexpr std::size_t stride = 4096;
  std::uint16_t edges[stride + 64];
  for (auto _ : state) {
    for (std::size_t at = 0; at + stride <= all.size(); at += stride) {
      internal::word_edges(all.data() + at, stride, false, edges);
      benchmark::ClobberMemory();
    }
  }
  measure(state, all, 0);
}
BENCHMARK(find_edges)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace millrace::exec
