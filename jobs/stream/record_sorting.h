#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include <millrace/codec.h>
#include <millrace/task.h>

#include "jobs/stream/stream_spec.h"

namespace millrace::jobs::stream {

/// A record between mapper and reducer: its key, and what follows the key in the line that the reducer reads (separator
/// and value; nothing for a bare key).
using Record = std::pair<std::string_view, std::string_view>;

/// How the job sorts keys. Must outlive the sorters made with it, at its place.
class KeySorting {
 public:
  explicit KeySorting(const StreamSpec& spec);
  KeySorting(const KeySorting&) = delete;
  KeySorting& operator=(const KeySorting&) = delete;

  internal::RecordOrder order() const;

 private:
  static int compare(const std::byte* a, const std::byte* b, const void* context);
  static std::uint64_t prefix(const std::byte* at, const std::byte* end, const void* context);

  std::optional<LineOrder> fields_;  // none: by the bytes of the whole key
};

/// Goes through sorted records, one after the other.
class SortedRecordReader {
 public:
  explicit SortedRecordReader(internal::RecordSorter& sorter) : sorter_(sorter) {}
  /// Valid until the next call. Returns false at the end.
  bool next(Record& record);

 private:
  internal::RecordSorter& sorter_;
  const std::byte* batch_[256] = {};
  std::size_t at_ = 0;
  std::size_t count_ = 0;
};

/// Collects records of the calling task and sorts them, within its share of the memory.
class RecordCollector {
 public:
  RecordCollector(TaskContext& task, const KeySorting& sorting);
  ~RecordCollector();

  void put(std::string_view key, std::string_view rest);
  /// After the last put().
  internal::RecordSorter& sorted();

 private:
  struct Chunk;
  void hand_over();

  TaskContext& task_;
  std::unique_ptr<internal::RecordSorter> sorter_;
  std::shared_ptr<Chunk> chunk_;
};

}  // namespace millrace::jobs::stream
