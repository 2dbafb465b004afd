#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <xxhash.h>

#include <millrace/error.h>

#include "storage/formats/little_endian.h"
#include "storage/formats/record_file.h"
#include "storage/formats/record_file_layout.h"
#include "storage/memory_file_system.h"

// Any bytes are a record file or are refused as bad data, also when the checksums of header and index are made to fit;
// and elements that are written come back, while no byte of the file can change unseen.

namespace {

using namespace millrace;
using namespace millrace::storage;

using Bytes = std::vector<std::byte>;

void write(FileSystem& files, std::span<const std::byte> bytes) {
  const auto file = files.create("/x");
  file->write(bytes);
  file->close();
}

/// The elements one after the other, or an Error that has to be of bad data.
Bytes read(const FileSystem& files) {
  try {
    RecordFileReader reader(files, {"/x", 0, 0, true});
    // A damaged index cannot be believed about sizes before the blocks are checked, but it can ask for much memory.
    if (reader.info().raw_bytes > (std::size_t{64} << 20)) return {};
    Bytes all;
    RecordBlock block;
    while (reader.next(block)) all.insert(all.end(), block.bytes.begin(), block.bytes.end());
    return all;
  } catch (const Error& error) {
    if (error.cause() != Cause::bad_data) std::abort();
    throw;
  }
}

void put_checksum(Bytes& file, std::size_t at, std::size_t begin, std::size_t end) {
  const std::uint64_t sum = XXH3_64bits(file.data() + begin, end - begin);
  std::memcpy(file.data() + at, &sum, sizeof sum);
}

void fit_checksums(Bytes& file) {
  using namespace record_layout;
  if (file.size() < fixed_header_bytes + checksum_bytes + trailer_bytes) return;
  const std::size_t header = fixed_header_bytes + get<std::uint32_t>(file.data() + 12) % 64;
  if (header + checksum_bytes <= file.size()) put_checksum(file, header, 0, header);
  const auto index = get<std::uint64_t>(file.data() + file.size() - trailer_bytes);
  if (index <= file.size() - trailer_bytes) {
    put_checksum(file, file.size() - 2 * checksum_bytes, index, file.size() - 2 * checksum_bytes);
  }
}

void read_anything(std::span<const std::byte> data) {
  MemoryFileSystem files;
  Bytes file(data.begin(), data.end());
  for (int round = 0; round < 2; ++round) {
    write(files, file);
    try {
      read(files);
    } catch (const Error&) {
    }
    fit_checksums(file);
  }
}

void write_and_damage(std::span<const std::byte> data) {
  MemoryFileSystem files;
  const auto first = std::to_integer<std::size_t>(data.front());
  {
    RecordFileWriter writer(files.create("/x"), "fuzz", static_cast<BlockCodec>(first % 3));
    for (std::size_t i = 0; i < data.size();) {
      const std::size_t size = std::min(data.size() - i, std::to_integer<std::size_t>(data[i]) + 1);
      writer.add(data.subspan(i, size));
      i += size;
    }
    writer.close();
  }
  if (read(files) != Bytes(data.begin(), data.end())) std::abort();
  const auto written = files.open("/x");
  Bytes file(written->size());
  written->read_at(0, file);
  file[(first * 7919 + data.size()) % file.size()] ^= data.back() | std::byte{1};
  write(files, file);
  try {
    read(files);
  } catch (const Error&) {
    return;
  }
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size));
  read_anything(bytes);
  write_and_damage(bytes);
  return 0;
}
