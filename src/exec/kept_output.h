#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "exec/block_store.h"

// What tasks made, in files that outlive their processes (docs/formats.md, "Output files").

namespace millrace::exec {

/// Where they lie: below a directory that every process of the run sees. An attempt writes to a place of its own; what
/// is committed has the place of its task.
class KeptOutputs {
 public:
  explicit KeptOutputs(std::string directory) : directory_(std::move(directory)) {}

  const std::string& directory() const { return directory_; }
  std::string attempts() const { return directory_ + "/attempts"; }
  std::string outputs() const { return directory_ + "/outputs"; }
  std::string attempt_path(const AttemptId& attempt) const;
  /// How the attempt ended, when its driver was gone by then.
  std::string end_path(const AttemptId& attempt) const { return attempt_path(attempt) + end_suffix; }
  static constexpr const char* end_suffix = ".end";
  std::string map_output_path(ShuffleId shuffle, std::uint32_t map_task) const;
  std::string result_path(StageId stage, std::uint32_t task) const;

 private:
  std::string directory_;
};

/// Writes behind the blocks of a file where they are, and closes it. All of the output's blocks are in it.
void seal_output(storage::SpillFile& file, const Output& output);

/// An output file that was sealed. Blocks that are not what was written are found out when they are read.
class KeptOutput {
 public:
  /// Throws Error(lost_input) that names the file when it is not there, or is not whole.
  KeptOutput(const storage::FileSystem& files, const std::string& path);

  std::uint32_t partitions() const { return partitions_; }
  std::uint64_t records() const { return records_; }
  std::uint64_t bytes() const { return bytes_; }
  /// In order. Throws Error(lost_input).
  std::vector<StoredBlock> blocks(std::uint32_t partition) const;

 private:
  std::vector<std::byte> read(std::uint64_t offset, std::uint64_t bytes) const;
  [[noreturn]] void fail(const char* problem) const;

  std::shared_ptr<storage::SpillFile> file_;
  std::uint32_t partitions_ = 0;
  std::uint64_t table_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace millrace::exec
