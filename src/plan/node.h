#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

// Lineage as a value: what a dataset is made of, without any of its types.

namespace millrace::plan {

/// Bytes [begin, end) of a file. `whole` files (compressed ones) are read from the start to their end. Where the file
/// lies in this process's memory, `mapped` is all of it; that stays behind when the range travels.
struct FileRange {
  std::string path;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool whole = false;
  std::string_view mapped{};
};

/// Where the processes of one machine have the files of a source in their memory, at the same addresses in each, so
/// that what one of them refers to lies there in all (exec/input_mapping.h).
struct MappedArea {
  struct File {
    std::string path;
    std::uint64_t bytes = 0;
  };
  std::uint64_t address = 0;  ///< 0: nowhere that others know
  std::vector<File> files;
};

/// What one partition of a source reads: ranges of files in order, or bytes that the plan itself carries.
struct Split {
  std::vector<FileRange> ranges;
  std::vector<std::byte> payload;
};

enum class SourceKind : std::uint8_t { text, records, encoded, whole_files, csv, pieces, values, range };

struct Source {
  SourceKind kind = SourceKind::text;
  std::uint64_t record_bytes = 0;
  std::string element_type;
  char separator = ',';
  char quote = '"';
  bool header = false;
  bool quoted_newlines = true;
  std::vector<Split> splits;
  MappedArea area{};
};

enum class NodeKind : std::uint8_t {
  source,
  narrow,   ///< computed partition by partition from its parents, inside their stage
  shuffle,  ///< a stage boundary: the map tasks are its parent's partitions
  cached,   ///< narrow, and kept
};

enum class CacheLevel : std::uint8_t { memory, memory_and_disk, disk };

/// One operation of a lineage. Immutable once it is built; shared by the datasets that come from it.
struct Node {
  NodeId id;
  NodeKind kind = NodeKind::narrow;
  std::string operation;  ///< "map"
  std::string site;       ///< "job.cpp:14"
  std::vector<std::shared_ptr<const Node>> parents;
  std::uint32_t partitions = 0;
  std::uint64_t bytes = 0;     ///< volume of the input behind it, an estimate
  bool one_source = false;     ///< only elementwise operations since a single source of text or records
  Source source;               ///< of a source
  std::uint64_t map_code = 0;  ///< of a shuffle: the map side's code, an offset in the executable
  std::vector<std::byte> map_closure;
  CacheLevel level = CacheLevel::memory;  ///< of a cached node
  std::shared_ptr<const void> lifetime;   ///< runs out with the last dataset: what was kept may go then
};

using NodePtr = std::shared_ptr<const Node>;

}  // namespace millrace::plan
