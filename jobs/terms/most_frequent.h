#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::jobs {

/// The most frequent of the terms that are added, at most `limit` of them. Memory grows with the limit alone.
class MostFrequent {
 public:
  using Term = std::pair<std::string, std::uint64_t>;

  explicit MostFrequent(std::uint64_t limit) : limit_(limit) {}

  void add(std::string_view text, std::uint64_t count) {
    if (terms_.size() == limit_) {
      if (limit_ == 0 || !before(text, count, terms_.front().first, terms_.front().second)) return;
      std::pop_heap(terms_.begin(), terms_.end(), in_order);
      terms_.pop_back();
    }
    terms_.emplace_back(text, count);
    std::push_heap(terms_.begin(), terms_.end(), in_order);
  }

  /// The most frequent first; of equally frequent terms the smaller by its bytes. Ends the use of this object.
  std::vector<Term> take() {
    std::sort_heap(terms_.begin(), terms_.end(), in_order);
    return std::move(terms_);
  }

 private:
  static bool before(std::string_view a, std::uint64_t a_count, std::string_view b, std::uint64_t b_count) {
    return a_count != b_count ? a_count > b_count : a < b;
  }
  static bool in_order(const Term& a, const Term& b) { return before(a.first, a.second, b.first, b.second); }

  std::uint64_t limit_;
  std::vector<Term> terms_;  // a heap with the last one in front
};

}  // namespace millrace::jobs
