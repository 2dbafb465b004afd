#pragma once

#include <compare>
#include <cstdint>
#include <fmt/format.h>
#include <functional>
#include <string>

namespace millrace {

/// A number that only compares with numbers of its own kind. Ids are dense and start at 0 within what numbers them.
template <class Tag>
struct Id {
  std::uint32_t value = 0;
  friend auto operator<=>(Id, Id) = default;
};

using JobId = Id<struct JobTag>;              ///< of one driver, in the order of submission
using StageId = Id<struct StageTag>;          ///< of one driver: the stages of all its jobs share the numbers
using ShuffleId = Id<struct ShuffleTag>;      ///< of one driver; equals the number of the lineage node that shuffles
using NodeId = Id<struct NodeTag>;            ///< a lineage node (one operation of a dataset) of one driver
using PartitionId = Id<struct PartitionTag>;  ///< of one dataset or stage: a stage runs one task a partition
using ExecutorId = Id<struct ExecutorTag>;    ///< a worker process or thread

/// One try at one task. `number` counts from 0 for each (stage, partition).
struct AttemptId {
  StageId stage;
  PartitionId partition;
  std::uint32_t number = 0;
  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
};

}  // namespace millrace

template <class Tag>
struct fmt::formatter<millrace::Id<Tag>> : fmt::formatter<std::uint32_t> {
  template <class FormatContext>
  auto format(millrace::Id<Tag> id, FormatContext& context) const {
    return fmt::formatter<std::uint32_t>::format(id.value, context);
  }
};

template <class Tag>
struct std::hash<millrace::Id<Tag>> {
  std::size_t operator()(millrace::Id<Tag> id) const noexcept { return std::hash<std::uint32_t>{}(id.value); }
};
