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

// The mappings of the process that something can lie in, sorted: code, data, heap, stacks, and memory that the
// allocator or a user mapped. Not what is only reserved, or is as large as the tables that sanitizers keep of all
// addresses.
std::vector<Region> read_regions() {
  std::vector<Region> regions;
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    std::size_t used = 0;
    const std::uintptr_t begin = std::stoull(line, &used, 16);
    const std::uintptr_t end = std::stoull(line.substr(used + 1), nullptr, 16);
    constexpr std::uintptr_t too_large = std::uintptr_t{1} << 40;
    const bool readable = line.at(line.find(' ') + 1) == 'r';
    if (readable && end - begin < too_large) regions.push_back({begin, end});
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
