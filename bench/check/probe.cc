// Says how fast the machine is now, and makes memory ready: bench_probe BYTES.
//
// On a virtual machine whose host takes back free memory, the first touch of a page can cost ten times what it costs on
// a machine of one's own, so whoever runs after a pause pays for it. The probe touches BYTES of memory and frees them;
// the program that is started next finds them. Then two threads sum 512 MiB, five times: `scan_gb_per_s` is the best of
// them.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kScan = 512 << 20;
constexpr std::size_t kPage = 4096;

char* memory(std::size_t size) {
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) {
    std::perror("bench_probe");
    std::exit(1);
  }
  madvise(address, size, MADV_HUGEPAGE);
  return static_cast<char*>(address);
}

template <typename Function>
void in_two(Function function) {
  std::thread other([&] { function(1); });
  function(0);
  other.join();
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t wanted = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0;
  const std::size_t size = std::max(wanted, kScan) / (2 * kPage) * (2 * kPage);
  char* bytes = memory(size);
  in_two([&](std::size_t half) {
    for (std::size_t i = size / 2 * half; i < size / 2 * (half + 1); i += kPage) bytes[i] = 1;
  });
  double best = 0;
  std::uint64_t sums[2] = {};
  for (int round = 0; round < 5; ++round) {
    const auto start = std::chrono::steady_clock::now();
    in_two([&](std::size_t half) {
      const auto* words = reinterpret_cast<const std::uint64_t*>(bytes);
      std::uint64_t sum = 0;
      for (std::size_t i = kScan / 16 * half; i < kScan / 16 * (half + 1); ++i) sum += words[i];
      sums[half] += sum;
    });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, static_cast<double>(kScan) / seconds / 1e9);
  }
  std::printf("scan_gb_per_s %.2f checksum %llu\n", best, static_cast<unsigned long long>(sums[0] + sums[1]));
}
