#include "observe/distribution.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace millrace::observe {
namespace {

constexpr int sub_bits = 3;
constexpr std::uint64_t small = 1u << sub_bits;  // below it every value has a bin of its own

std::size_t bin_of(std::uint64_t value) {
  if (value < small) return value;
  const int octave = std::bit_width(value) - 1;
  const std::uint64_t sub = (value >> (octave - sub_bits)) & (small - 1);
  return static_cast<std::size_t>(octave - sub_bits + 1) * small + sub;
}

// The smallest value of the bin.
double start_of(std::size_t bin) {
  if (bin < small) return static_cast<double>(bin);
  const auto octave = static_cast<int>(bin / small) + sub_bits - 1;
  return std::ldexp(static_cast<double>(small + bin % small), octave - sub_bits);
}

}  // namespace

void Distribution::add(std::uint64_t value) {
  const std::size_t bin = bin_of(value);
  if (bin >= bins_.size()) bins_.resize(bin + 1);
  ++bins_[bin];
  least_ = count_ == 0 ? value : std::min(least_, value);
  most_ = std::max(most_, value);
  sum_ += static_cast<double>(value);
  ++count_;
}

void Distribution::add(const Distribution& others) {
  if (others.count_ == 0) return;
  bins_.resize(std::max(bins_.size(), others.bins_.size()));
  for (std::size_t bin = 0; bin < others.bins_.size(); ++bin) bins_[bin] += others.bins_[bin];
  least_ = count_ == 0 ? others.least_ : std::min(least_, others.least_);
  most_ = std::max(most_, others.most_);
  sum_ += others.sum_;
  count_ += others.count_;
}

double Distribution::quantile(double share) const {
  if (count_ == 0) return 0;
  const double rank = std::clamp(share, 0.0, 1.0) * static_cast<double>(count_);
  double before = 0;
  for (std::size_t bin = 0; bin < bins_.size(); ++bin) {
    const double here = bins_[bin];
    if (here > 0 && before + here >= rank) {
      const double value = start_of(bin) + (rank - before) / here * (start_of(bin + 1) - start_of(bin));
      return std::clamp(value, static_cast<double>(least_), static_cast<double>(most_));
    }
    before += here;
  }
  return static_cast<double>(most_);
}

double Distribution::skew() const {
  const double median = quantile(0.5);
  return median > 0 ? static_cast<double>(most_) / median : 0;
}

double Distribution::at_most(double limit) const {
  double below = 0;
  for (std::size_t bin = 0; bin < bins_.size() && start_of(bin) <= limit; ++bin) {
    const double part = (limit - start_of(bin)) / (start_of(bin + 1) - start_of(bin));
    below += std::min(part, 1.0) * bins_[bin];
  }
  return limit >= static_cast<double>(most_) ? static_cast<double>(count_) : below;
}

std::vector<std::uint64_t> Distribution::shape(std::size_t bins) const {
  if (count_ == 0) return {};
  if (least_ == most_) return {count_};
  const double low = std::log2(static_cast<double>(std::max<std::uint64_t>(least_, 1)));
  const double high = std::log2(static_cast<double>(std::max<std::uint64_t>(most_, 2)));
  const double width = std::max(high - low, 1e-9) / static_cast<double>(bins);
  std::vector<std::uint64_t> counts(bins);
  for (std::size_t bin = 0; bin < bins_.size(); ++bin) {
    if (bins_[bin] == 0) continue;
    const double middle = std::max((start_of(bin) + start_of(bin + 1)) / 2, 1.0);
    const double place = std::clamp((std::log2(middle) - low) / width, 0.0, static_cast<double>(bins) - 1);
    counts[static_cast<std::size_t>(place)] += bins_[bin];
  }
  return counts;
}

}  // namespace millrace::observe
