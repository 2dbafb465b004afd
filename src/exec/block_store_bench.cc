#include <benchmark/benchmark.h>

#include <millrace/codec.h>
#include <millrace/internal/hash.h>

#include "exec/lone_task.h"

namespace millrace::exec {
namespace {

using Pair = std::pair<std::string_view, std::uint64_t>;
constexpr std::size_t records = 2'000'000;

std::vector<Pair> pairs(std::string& text) {
  std::vector<Pair> out;
  for (const std::string_view word : skewed_words(records, 1'000'000, text)) out.emplace_back(word, word.size());
  return out;
}

/// Encodes pairs into the blocks of their partitions, and decodes all of them.
void shuffle(benchmark::State& state, Carrier carrier) {
  std::string text;
  const auto all = pairs(text);
  const auto partitions = static_cast<std::uint32_t>(state.range(0));
  LoneTask task(std::uint64_t{4} << 30, carrier);
  std::uint64_t bytes = 0;
  std::uint64_t read_from_files = 0;
  for (auto _ : state) {
    BlockWriter writer(task.blocks(), partitions, Placement::memory_then_files);
    for (const Pair& pair : all) {
      const std::uint32_t to = internal::partition_of(internal::hash_bytes(pair.first), partitions);
      writer.wrote(to, Codec<Pair>::encode(pair, writer.room(to, Codec<Pair>::size(pair))));
    }
    writer.finish();
    std::uint64_t sum = 0;
    Output output = *writer.take();
    bytes += output.bytes;
    for (auto& partition : output.partitions) {
      StoredBlockStream blocks([&](std::size_t size) { return task.context().pages(size); }, std::move(partition),
                               &read_from_files);
      for (Block block; blocks.next(block);) {
        const std::byte* at = block.bytes.data();
        const std::byte* const end = at + block.bytes.size();
        while (at != end) sum += Codec<Pair>::decode(at, end).second;
      }
    }
    if (sum + records != text.size()) state.SkipWithError("a pair was lost");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * records));
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.counters["read_from_files"] = static_cast<double>(read_from_files);
}
void shuffle_in_memory(benchmark::State& state) { shuffle(state, Carrier::memory); }
void shuffle_through_files(benchmark::State& state) { shuffle(state, Carrier::files); }
BENCHMARK(shuffle_in_memory)->ArgName("partitions")->Arg(2)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK(shuffle_through_files)->ArgName("partitions")->Arg(2)->Arg(64)->Unit(benchmark::kMillisecond);

void shuffle_in_vectors(benchmark::State& state) {
  std::string text;
  const auto all = pairs(text);
  const auto partitions = static_cast<std::uint32_t>(state.range(0));
  for (auto _ : state) {
    std::vector<std::vector<std::pair<std::string, std::uint64_t>>> blocks(partitions);
    for (const auto& [word, number] : all) {
      blocks[internal::partition_of(internal::hash_bytes(word), partitions)].emplace_back(word, number);
    }
    std::uint64_t sum = 0;
    for (const auto& block : blocks) {
      for (const auto& pair : block) sum += pair.second;
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * records));
}
BENCHMARK(shuffle_in_vectors)->ArgName("partitions")->Arg(2)->Arg(64)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace millrace::exec
