#include <cstdint>
#include <cstdlib>
#include <optional>

#include <millrace/error.h>

#include "storage/formats/csv.h"
#include "storage/formats/csv_split.h"
#include "storage/memory_file_system.h"

// Any bytes are rows or are refused as bad data, whatever the buffers; rows do not depend on the splits, and come back
// when they are written. The first byte chooses the options.

namespace {

using namespace millrace;
using namespace millrace::storage;

using Rows = std::vector<std::vector<std::string>>;

void read(const FileSystem& files, const FileSplit& split, const CsvOptions& options, std::size_t chunk, Rows& rows) {
  CsvReader reader(files, split, options, {chunk, {}});
  CsvRow row;
  while (reader.next(row)) rows.emplace_back(row.fields.begin(), row.fields.end());
}

/// Nothing when there is a broken row.
std::optional<Rows> read_all(const FileSystem& files, std::span<const FileSplit> splits, const CsvOptions& options,
                             std::size_t chunk) {
  Rows rows;
  try {
    for (const FileSplit& split : splits) read(files, split, options, chunk, rows);
  } catch (const Error& error) {
    if (error.cause() != Cause::bad_data) std::abort();
    return std::nullopt;
  }
  return rows;
}

/// Goes on after every broken row, and has to come to an end.
void skip_broken_rows(const FileSystem& files, const FileSplit& whole, const CsvOptions& options) {
  CsvReader reader(files, whole, options, {50, {}});
  CsvRow row;
  for (std::uint64_t calls = 0; calls < 2 * whole.end + 10; ++calls) {
    try {
      if (!reader.next(row)) return;
    } catch (const Error&) {
    }
  }
  std::abort();
}

void write(FileSystem& files, std::string_view text) {
  const auto file = files.create("/x");
  file->write(std::as_bytes(std::span(text.data(), text.size())));
  file->close();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];
  CsvOptions options;
  options.header = false;
  options.delimiter = (choice & 1) != 0 ? ';' : ',';
  options.quote = (choice & 6) == 6 ? '\0' : '"';
  const std::size_t chunk = 1 + (choice >> 3);
  MemoryFileSystem files;
  write(files, std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  FileInfo info;
  files.stat("/x", info);
  // A split that is not whole: bytes that look compressed are read as they are.
  const FileSplit whole{"/x", 0, info.size, false};
  const auto rows = read_all(files, std::span(&whole, 1), options, 1 << 18);
  if (read_all(files, std::span(&whole, 1), options, chunk) != rows) std::abort();
  skip_broken_rows(files, whole, options);
  if (!rows) return 0;
  const auto splits = split_csv_files(files, std::span(&info, 1), 1 + (choice >> 2), options);
  if (!splits.empty() && splits[0].whole) return 0;
  if (read_all(files, splits, options, chunk) != rows) std::abort();
  if (options.quote == 0) return 0;
  std::string text;
  for (const auto& row : *rows) {
    append_csv_row(text, std::vector<std::string_view>(row.begin(), row.end()), options);
  }
  write(files, text);
  const FileSplit again{"/x", 0, text.size(), false};
  if (read_all(files, std::span(&again, 1), options, chunk) != rows) std::abort();
  return 0;
}
