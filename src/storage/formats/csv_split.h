#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "storage/file_split.h"
#include "storage/file_system.h"
#include "storage/formats/csv.h"

namespace millrace::storage {

/// As split_files(), but every split begins and ends at the start of a row, so that CsvReader gives the same rows for
/// every split_bytes, quoted newlines included. Whether a newline is in quotes depends on every byte before it. Hence a
/// file that is larger than split_bytes is looked through once, for the parity of its quotes, at about the speed of
/// memory and by `threads` threads; without options.quoted_newlines only the surroundings of each cut are read.
/// A file whose quotes are not well-formed may be cut inside a row; its rows are then reported as bad data.
std::vector<FileSplit> split_csv_files(const FileSystem& files, std::span<const FileInfo> inputs,
                                       std::uint64_t split_bytes, const CsvOptions& options, unsigned threads = 1);

}  // namespace millrace::storage
