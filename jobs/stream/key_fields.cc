#include "jobs/stream/key_fields.h"

#include <millrace/internal/hash.h>

namespace millrace::jobs::stream {

KeyValue split_line(std::string_view line, const KeyLayout& layout) {
  std::size_t at = 0;
  for (std::uint32_t field = 0; field < layout.key_fields; ++field) {
    const std::size_t found =
        layout.separator.size() == 1 ? line.find(layout.separator.front(), at) : line.find(layout.separator, at);
    if (found == std::string_view::npos) return {line, {}, true};
    at = found + layout.separator.size();
  }
  if (layout.key_fields == 0) return {line, {}, true};
  return {line.substr(0, at - layout.separator.size()), line.substr(at), false};
}

KeyPartition::KeyPartition(std::uint32_t partitions, std::vector<SortKey> keys, char separator)
    : partitions_(partitions) {
  if (!keys.empty()) fields_.emplace(std::move(keys), KeyOrdering{}, separator);
}

std::uint32_t KeyPartition::operator()(std::string_view key) const {
  if (partitions_ == 1) return 0;
  if (!fields_) return internal::partition_of(internal::hash_bytes(key), partitions_);
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < fields_->keys(); ++i) {
    hash = internal::multiply_fold(hash ^ internal::hash_seed_a,
                                   internal::hash_bytes(fields_->extract(key, i)) ^ internal::hash_seed_b);
  }
  return internal::partition_of(hash, partitions_);
}

}  // namespace millrace::jobs::stream
