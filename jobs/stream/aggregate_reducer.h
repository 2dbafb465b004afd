#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::jobs::stream {

class ValueAggregator;

/// `-reducer aggregate`: keys say how their values are combined. "LongValueSum:word" adds up; DoubleValueSum,
/// LongValueMax, LongValueMin, StringValueMax, StringValueMin, UniqValueCount (how many different values) and
/// ValueHistogram (how many different values; least, median, greatest, mean and standard deviation of how often each
/// occurs) likewise.
///
/// Equal keys must come one after the other. As a reducer it gives (key without its type, result); as a combiner it
/// gives (key, value) lines that a reducer takes in place of those that it was given. One thread.
class AggregateReducer {
 public:
  enum class Role { combiner, reducer };
  /// Is given views that are valid during the call.
  using Emit = std::function<void(std::string_view key, std::string_view value)>;

  AggregateReducer(Role role, Emit emit);
  ~AggregateReducer();

  /// Throws Error(bad_data) that quotes the line when the key has no type, or an unknown one, or the value is not what
  /// the type wants.
  void add(std::string_view key, std::string_view value);
  /// The last key is complete.
  void finish();

 private:
  Role role_;
  Emit emit_;
  std::string key_;
  std::unique_ptr<ValueAggregator> aggregator_;
};

}  // namespace millrace::jobs::stream
