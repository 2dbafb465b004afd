#include "storage/formats/csv_split.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <thread>
#include <utility>

#include "storage/byte_stream.h"
#include "storage/compression.h"
#include "storage/formats/byte_mask.h"
#include "storage/padded_buffer.h"

namespace millrace::storage {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{256} << 10;
constexpr std::size_t page = 4096;
constexpr std::uint64_t not_found = ~std::uint64_t{0};

/// Hands out the bytes [begin, end) of a file a chunk at a time, on page boundaries: the kernel copies twice as fast
/// when source and target are aligned alike.
template <class Consume>
void for_each_chunk(const InputFile& file, std::uint64_t begin, std::uint64_t end, std::size_t chunk,
                    Consume&& consume) {
  PaddedBuffer buffer;
  buffer.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(chunk, end - begin)));
  while (begin < end) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(chunk - begin % page, end - begin));
    const std::size_t count = file.read_at(begin, std::as_writable_bytes(std::span(buffer.data(), wanted)));
    if (count == 0 || !consume(buffer.data(), count, begin)) return;
    begin += count;
  }
}

/// Whether the number of quotes in [begin, end) is odd.
bool odd_quotes(const InputFile& file, std::uint64_t begin, std::uint64_t end, char quote) {
  OccurrenceParity parity(quote);
  for_each_chunk(file, begin, end, chunk_bytes, [&](const char* data, std::size_t count, std::uint64_t) {
    parity.add(data, count);
    return true;
  });
  return parity.odd();
}

/// The start of the first row that begins in [begin, end), or not_found. `in_quotes` is the state at begin, which is
/// not 0.
std::uint64_t find_row(const InputFile& file, std::uint64_t begin, std::uint64_t end, bool in_quotes, char quote) {
  std::uint64_t found = not_found;
  bool first = true;
  for_each_chunk(file, begin - 1, end - 1, page, [&](const char* data, std::size_t count, std::uint64_t offset) {
    // Back to the state before the byte at begin - 1.
    if (std::exchange(first, false) && quote != 0 && data[0] == quote) in_quotes = !in_quotes;
    for (std::size_t i = 0; i < count; ++i) {
      if (quote != 0 && data[i] == quote) in_quotes = !in_quotes;
      if (data[i] == '\n' && !in_quotes) {
        found = offset + i + 1;
        return false;
      }
    }
    return true;
  });
  return found;
}

void run_on_threads(unsigned threads, std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::vector<std::exception_ptr> errors(std::max(threads, 1u));
  const auto loop = [&](std::size_t self) {
    try {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    } catch (...) {
      errors[self] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < errors.size(); ++i) others.emplace_back(loop, i);
  loop(0);
  for (std::thread& other : others) other.join();
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

void split_file(const InputFile& file, std::uint64_t size, std::uint64_t split_bytes, const CsvOptions& options,
                unsigned threads, std::vector<FileSplit>& splits) {
  const auto cuts = static_cast<std::size_t>((size - 1) / split_bytes);
  const auto begin_of = [&](std::size_t cut) { return std::min(size, cut * split_bytes); };
  const char quote = options.quoted_newlines ? options.quote : '\0';
  // odd[i]: of the quotes in [begin_of(i), begin_of(i + 1)), so that a running sum is the state at a cut.
  std::vector<char> odd(cuts + 1, 0);
  if (quote != 0) {
    run_on_threads(threads, cuts,
                   [&](std::size_t i) { odd[i] = odd_quotes(file, begin_of(i), begin_of(i + 1), quote) ? 1 : 0; });
  }
  bool in_quotes = false;
  std::uint64_t begin = 0;
  for (std::size_t cut = 1; cut <= cuts; ++cut) {
    in_quotes = in_quotes != (odd[cut - 1] != 0);
    const std::uint64_t row = find_row(file, begin_of(cut), begin_of(cut + 1), in_quotes, quote);
    if (row == not_found) continue;
    splits.push_back({file.path(), begin, row, false});
    begin = row;
  }
  splits.push_back({file.path(), begin, size, false});
}

}  // namespace

std::vector<FileSplit> split_csv_files(const FileSystem& files, std::span<const FileInfo> inputs,
                                       std::uint64_t split_bytes, const CsvOptions& options, unsigned threads) {
  std::vector<FileSplit> splits;
  for (const FileInfo& input : inputs) {
    if (input.size > split_bytes) {
      const auto file = files.open(input.path);
      if (detect_compression(*file) == Compression::none) {
        split_file(*file, input.size, split_bytes, options, threads, splits);
        continue;
      }
    }
    splits.push_back({input.path, 0, input.size, true});
  }
  return splits;
}

}  // namespace millrace::storage
