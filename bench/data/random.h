#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

namespace bench {

// A seeded generator whose sequence is the same on every machine and with every standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  // Uniform in [0, bound); bound > 0. The bias of bound / 2^64 does not matter for test data.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<__uint128_t>(next()) * bound) >> 64);
  }

  // Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  double normal() {
    const double u = 1.0 - unit();
    const double v = unit();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
  }

 private:
  __extension__ typedef unsigned __int128 __uint128_t;
  std::uint64_t state_;
};

// Draws ranks 0..n-1 with probability proportional to 1 / (rank + 1)^exponent, in constant time (alias method).
class Zipf {
 public:
  Zipf(std::size_t n, double exponent) : accept_(n), alias_(n) {
    std::vector<double> weight(n);
    double total = 0;
    for (std::size_t i = 0; i < n; ++i) total += weight[i] = std::pow(static_cast<double>(i + 1), -exponent);
    std::vector<std::uint32_t> small;
    std::vector<std::uint32_t> large;
    for (std::size_t i = 0; i < n; ++i) {
      weight[i] *= static_cast<double>(n) / total;
      (weight[i] < 1 ? small : large).push_back(static_cast<std::uint32_t>(i));
    }
    while (!small.empty() && !large.empty()) {
      const std::uint32_t low = small.back();
      const std::uint32_t high = large.back();
      small.pop_back();
      accept_[low] = weight[low];
      alias_[low] = high;
      weight[high] -= 1 - weight[low];
      if (weight[high] < 1) {
        large.pop_back();
        small.push_back(high);
      }
    }
    for (std::uint32_t i : small) accept_[i] = 1;
    for (std::uint32_t i : large) accept_[i] = 1;
  }

  std::size_t draw(Random& random) const {
    const std::size_t i = random.below(accept_.size());
    return random.unit() < accept_[i] ? i : alias_[i];
  }

 private:
  std::vector<double> accept_;
  std::vector<std::uint32_t> alias_;
};

}  // namespace bench
