#include "dataset/splits.h"

#include <algorithm>

#include <millrace/codec.h>

#include "storage/compression.h"
#include "storage/file_split.h"
#include "storage/formats/csv_split.h"
#include "storage/input_listing.h"

namespace millrace::dataset {
namespace {

constexpr std::uint64_t mebi = std::uint64_t{1} << 20;
constexpr std::size_t most_files_a_split = 1024;

// Some 16 tasks for small inputs; larger ones in pieces of 128 MiB, so that a task is neither over in no time nor
// expensive to lose, and a combiner sees enough of the input to be worth it.
std::uint64_t chosen_split_bytes(const internal::SourceSpec& spec, std::uint64_t total) {
  const std::uint64_t pieces = spec.splits != 0 ? spec.splits : 16;
  const std::uint64_t least = spec.least_split_bytes != 0 ? spec.least_split_bytes : mebi;
  return std::clamp<std::uint64_t>((total + pieces - 1) / pieces, least, 128 * mebi);
}

bool divisible(const internal::SourceSpec& spec) {
  if (spec.format == internal::SourceFormat::pieces) return spec.divisible;
  return spec.format != internal::SourceFormat::whole_files;
}

std::vector<storage::FileSplit> cut_files(const storage::FileSystem& files,
                                          const std::vector<storage::FileInfo>& inputs,
                                          const internal::SourceSpec& spec, std::uint64_t bytes, unsigned threads) {
  if (spec.format != internal::SourceFormat::csv) return storage::split_files(files, inputs, bytes);
  storage::CsvOptions options;
  options.delimiter = spec.separator;
  options.quote = spec.quote;
  options.quoted_newlines = spec.quoted_newlines;
  return storage::split_csv_files(files, inputs, bytes, options, std::max(threads, 1u));
}

}  // namespace

std::vector<plan::Split> make_splits(const storage::FileSystem& files, const internal::SourceSpec& spec,
                                     std::uint64_t split_bytes, std::uint64_t& total_bytes, unsigned threads) {
  const std::vector<storage::FileInfo> inputs = storage::list_inputs(files, spec.inputs);
  total_bytes = 0;
  for (const storage::FileInfo& input : inputs) total_bytes += input.size;
  const std::uint64_t wanted = split_bytes != 0 ? split_bytes : chosen_split_bytes(spec, total_bytes);
  std::uint64_t cut = divisible(spec) ? wanted : ~std::uint64_t{0};
  if (spec.format == internal::SourceFormat::records && spec.record_bytes != 0) {
    cut = std::max<std::uint64_t>(1, cut / spec.record_bytes) * spec.record_bytes;
  }
  std::vector<plan::Split> splits;
  std::uint64_t filled = 0;
  for (storage::FileSplit& piece : cut_files(files, inputs, spec, cut, threads)) {
    const std::uint64_t bytes = piece.end - piece.begin;
    const bool fits = !splits.empty() && filled + bytes <= wanted && splits.back().ranges.size() < most_files_a_split;
    if (!fits) {
      splits.emplace_back();
      filled = 0;
    }
    filled += bytes;
    splits.back().ranges.push_back({std::move(piece.path), piece.begin, piece.end, piece.whole});
  }
  return splits;
}

std::vector<plan::Split> sample_windows(const storage::FileSystem& files, const plan::Source& source) {
  constexpr std::uint64_t windows = 64;
  constexpr std::uint64_t window_bytes = 64 << 10;
  // Sizes of whole files, in the order of the input: pieces of one file follow each other.
  std::vector<plan::FileRange> parts;
  std::uint64_t total = 0;
  for (const plan::Split& split : source.splits) {
    for (const plan::FileRange& range : split.ranges) {
      if (!parts.empty() && parts.back().path == range.path && parts.back().end == range.begin) {
        parts.back().end = range.end;
        parts.back().whole = false;
      } else {
        parts.push_back(range);
      }
      total += range.end - range.begin;
    }
  }
  if (total <= windows * window_bytes) return source.splits;
  std::vector<plan::Split> out;
  std::uint64_t before = 0;  // bytes of the parts before this one
  std::size_t at = 0;
  std::size_t last_compressed = parts.size();
  for (std::uint64_t i = 0; i < windows; ++i) {
    const std::uint64_t position = total / windows * i;
    while (at + 1 < parts.size() && before + (parts[at].end - parts[at].begin) <= position) {
      before += parts[at].end - parts[at].begin;
      ++at;
    }
    plan::FileRange window = parts[at];
    // Only a file that was never cut can be compressed.
    if (window.whole && storage::detect_compression(*files.open(window.path)) != storage::Compression::none) {
      if (last_compressed != at) out.push_back({{std::move(window)}, {}});
      last_compressed = at;
      continue;
    }
    std::uint64_t begin = window.begin + (position - before);
    if (source.record_bytes != 0) begin -= begin % source.record_bytes;
    window.begin = begin;
    window.end = std::min(parts[at].end, begin + window_bytes);
    window.whole = false;
    plan::Split split;
    split.ranges.push_back(std::move(window));
    out.push_back(std::move(split));
  }
  return out;
}

}  // namespace millrace::dataset
