#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "jobs/sort_key/sort_key.h"

namespace millrace::jobs::stream {

/// How a line becomes a key and a value, and back.
struct KeyLayout {
  std::string separator = "\t";
  std::uint32_t key_fields = 1;  ///< the key reaches to this many-th separator; to the end where there are fewer

  static constexpr auto fields = std::tuple{&KeyLayout::separator, &KeyLayout::key_fields};
};

/// A line, taken apart. Both views point into it.
struct KeyValue {
  std::string_view key;
  std::string_view value;  ///< empty when there is no separator
  bool bare = true;        ///< there is no separator: the key is the whole line
};

/// Takes a line (without its newline) apart.
KeyValue split_line(std::string_view line, const KeyLayout& layout);

/// Chooses the partition of a key: by the whole key, or by some of its fields.
class KeyPartition {
 public:
  /// No keys: the whole key counts.
  KeyPartition(std::uint32_t partitions, std::vector<SortKey> keys, char separator);
  std::uint32_t operator()(std::string_view key) const;

 private:
  std::uint32_t partitions_;
  std::optional<LineOrder> fields_;
};

}  // namespace millrace::jobs::stream
