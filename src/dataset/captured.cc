#include "dataset/captured.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

namespace millrace::dataset {
namespace {

struct Region {
  std::uintptr_t begin;
  std::uintptr_t end;
};

// All mappings of the process, sorted: code, data, heap, stacks, and memory that the allocator or a user mapped.
std::vector<Region> read_regions() {
  std::vector<Region> regions;
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    std::size_t used = 0;
    const std::uintptr_t begin = std::stoull(line, &used, 16);
    const std::uintptr_t end = std::stoull(line.substr(used + 1), nullptr, 16);
    regions.push_back({begin, end});
  }
  return regions;
}

bool inside(const std::vector<Region>& regions, std::uintptr_t address) {
  const auto after = std::upper_bound(regions.begin(), regions.end(), address,
                                      [](std::uintptr_t a, const Region& r) { return a < r.begin; });
  return after != regions.begin() && address < std::prev(after)->end;
}

}  // namespace

bool holds_address(std::span<const std::byte> bytes) {
  // A look at the mappings costs some 50 us, so only words that can be addresses at all make us take it.
  std::vector<std::uintptr_t> suspects;
  for (std::size_t at = 0; at + sizeof(std::uintptr_t) <= bytes.size(); at += sizeof(std::uintptr_t)) {
    std::uintptr_t word;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    constexpr std::uintptr_t lowest = 0x10000;
    constexpr std::uintptr_t beyond = std::uintptr_t{1} << 47;
    if (word >= lowest && word < beyond) suspects.push_back(word);
  }
  if (suspects.empty()) return false;
  const std::vector<Region> regions = read_regions();
  return std::any_of(suspects.begin(), suspects.end(), [&](std::uintptr_t word) { return inside(regions, word); });
}

}  // namespace millrace::dataset
