#pragma once

#include <vector>

#include <millrace/internal/session.h>

#include "plan/node.h"
#include "storage/file_system.h"

namespace millrace::dataset {

/// The splits of a source's input files. How many there are depends on the files and on `split_bytes` (0: chosen from
/// the files' total size), never on the machine. Small files share a split; large ones are cut, unless their content
/// (compression, quoted newlines) does not allow it. CSV files that are cut are looked through by `threads` threads.
std::vector<plan::Split> make_splits(const storage::FileSystem& files, const internal::SourceSpec& spec,
                                     std::uint64_t split_bytes, std::uint64_t& total_bytes, unsigned threads = 1);

/// Windows spread evenly over the splits, for sampling: all of a small input, a few megabytes of a large one, but a
/// compressed file that is met is read from its start to its end. They depend on the input files alone, not on how they
/// are split.
std::vector<plan::Split> sample_windows(const storage::FileSystem& files, const plan::Source& source);

}  // namespace millrace::dataset
