#include <benchmark/benchmark.h>
#include <functional>
#include <random>
#include <string>

#include <millrace/internal/hash.h>

namespace millrace::exec {
namespace {

/// Keys of one length, one behind the other, that fit in the first cache.
template <class Hash>
void hash_keys(benchmark::State& state, Hash hash) {
  const auto length = static_cast<std::size_t>(state.range(0));
  std::mt19937_64 random(1);
  std::string text(std::size_t{16} << 10, '\0');
  for (char& c : text) c = static_cast<char>(random());
  const std::size_t keys = text.size() / length;
  std::uint64_t sum = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < keys; ++i) sum += hash(std::string_view(text.data() + i * length, length));
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * keys));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * keys * length));
}

void hash_bytes(benchmark::State& state) { hash_keys(state, internal::hash_bytes); }
BENCHMARK(hash_bytes)->Arg(4)->Arg(11)->Arg(16)->Arg(32)->Arg(100)->Arg(1000);

void standard_hash(benchmark::State& state) { hash_keys(state, std::hash<std::string_view>()); }
BENCHMARK(standard_hash)->Arg(4)->Arg(11)->Arg(16)->Arg(32)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace millrace::exec
