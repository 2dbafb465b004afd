#include "jobs/stream/aggregate_reducer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include <millrace/error.h>

#include "jobs/stream/java_number.h"

namespace millrace::jobs::stream {

/// Combines the values of one key.
class ValueAggregator {
 public:
  using Value = std::function<void(std::string_view)>;
  virtual ~ValueAggregator() = default;
  /// Returns false for a value of the wrong form.
  virtual bool add(std::string_view value) = 0;
  virtual std::string result() const = 0;
  /// Values that add() takes in place of all so far.
  virtual void combined(const Value& value) const { value(result()); }
};

namespace {

bool parse(std::string_view text, std::int64_t& number) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse(std::string_view text, double& number) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

/// Folds numbers; sums of 64 bits wrap around.
template <class Number, class Fold>
class NumberAggregator final : public ValueAggregator {
 public:
  explicit NumberAggregator(Number zero) : number_(zero) {}
  bool add(std::string_view value) override {
    Number next{};
    if (!parse(value, next)) return false;
    number_ = Fold{}(number_, next);
    return true;
  }
  std::string result() const override { return java_text(number_); }

 private:
  Number number_;
};

struct Add {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  }
  double operator()(double a, double b) const { return a + b; }
};
struct Larger {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const { return std::max(a, b); }
};
struct Smaller {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const { return std::min(a, b); }
};

template <bool largest>
class TextAggregator final : public ValueAggregator {
 public:
  bool add(std::string_view value) override {
    if (!any_ || (largest ? value > text_ : value < text_)) text_ = value;
    any_ = true;
    return true;
  }
  std::string result() const override { return text_; }

 private:
  std::string text_;
  bool any_ = false;
};

class UniqueAggregator final : public ValueAggregator {
 public:
  bool add(std::string_view value) override {
    if (values_.find(value) == values_.end()) values_.emplace(value);
    return true;
  }
  std::string result() const override { return std::to_string(values_.size()); }
  void combined(const Value& value) const override {
    for (const std::string& text : values_) value(text);
  }

 private:
  std::set<std::string, std::less<>> values_;
};

class HistogramAggregator final : public ValueAggregator {
 public:
  /// "value" counts once, "value<TAB>n" n times.
  bool add(std::string_view value) override {
    const std::size_t tab = value.rfind('\t');
    std::int64_t count = 1;
    if (tab != std::string_view::npos && !parse(value.substr(tab + 1), count)) return false;
    const std::string_view text = value.substr(0, tab);
    const auto found = counts_.find(text);
    if (found == counts_.end()) {
      counts_.emplace(text, count);
    } else {
      found->second += count;
    }
    return true;
  }
  std::string result() const override {
    std::vector<std::int64_t> counts;
    double sum = 0;
    for (const auto& [value, count] : counts_) {
      counts.push_back(count);
      sum += static_cast<double>(count);
    }
    std::sort(counts.begin(), counts.end());
    const double mean = sum / static_cast<double>(counts.size());
    double squares = 0;
    for (const std::int64_t count : counts) {
      squares += (static_cast<double>(count) - mean) * (static_cast<double>(count) - mean);
    }
    return fmt::format("{}\t{}\t{}\t{}\t{}\t{}", counts.size(), counts.front(), counts[counts.size() / 2],
                       counts.back(), java_text(mean),
                       java_text(std::sqrt(squares / static_cast<double>(counts.size()))));
  }
  void combined(const Value& value) const override {
    for (const auto& [text, count] : counts_) value(fmt::format("{}\t{}", text, count));
  }

 private:
  std::map<std::string, std::int64_t, std::less<>> counts_;
};

bool same_letters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::unique_ptr<ValueAggregator> make_aggregator(std::string_view type) {
  constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
  constexpr auto highest = std::numeric_limits<std::int64_t>::max();
  if (same_letters(type, "LongValueSum")) return std::make_unique<NumberAggregator<std::int64_t, Add>>(0);
  if (same_letters(type, "DoubleValueSum")) return std::make_unique<NumberAggregator<double, Add>>(0);
  if (same_letters(type, "LongValueMax")) return std::make_unique<NumberAggregator<std::int64_t, Larger>>(lowest);
  if (same_letters(type, "LongValueMin")) return std::make_unique<NumberAggregator<std::int64_t, Smaller>>(highest);
  if (same_letters(type, "StringValueMax")) return std::make_unique<TextAggregator<true>>();
  if (same_letters(type, "StringValueMin")) return std::make_unique<TextAggregator<false>>();
  if (same_letters(type, "UniqValueCount")) return std::make_unique<UniqueAggregator>();
  if (same_letters(type, "ValueHistogram")) return std::make_unique<HistogramAggregator>();
  return nullptr;
}

}  // namespace

AggregateReducer::AggregateReducer(Role role, Emit emit) : role_(role), emit_(std::move(emit)) {}
AggregateReducer::~AggregateReducer() = default;

void AggregateReducer::add(std::string_view key, std::string_view value) {
  if (!aggregator_ || key != key_) {
    finish();
    const std::size_t colon = key.find(':');
    aggregator_ = colon == std::string_view::npos ? nullptr : make_aggregator(key.substr(0, colon));
    if (!aggregator_) {
      throw Error(Cause::bad_data,
                  fmt::format("the aggregator was given the key '{}': keys are TYPE:NAME, with a TYPE out of "
                              "LongValueSum, DoubleValueSum, LongValueMax, LongValueMin, StringValueMax, "
                              "StringValueMin, UniqValueCount, ValueHistogram",
                              key.substr(0, 200)));
    }
    key_ = key;
  }
  if (!aggregator_->add(value)) {
    throw Error(Cause::bad_data, fmt::format("the aggregator cannot use the value '{}' of the key '{}'",
                                             value.substr(0, 200), key.substr(0, 200)));
  }
}

void AggregateReducer::finish() {
  if (!aggregator_) return;
  if (role_ == Role::combiner) {
    aggregator_->combined([&](std::string_view value) { emit_(key_, value); });
  } else {
    emit_(std::string_view(key_).substr(key_.find(':') + 1), aggregator_->result());
  }
  aggregator_.reset();
}

}  // namespace millrace::jobs::stream
