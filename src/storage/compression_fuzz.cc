#include <cstdint>
#include <cstdlib>
#include <string>

#include <millrace/error.h>

#include "storage/compression.h"
#include "storage/memory_file_system.h"

// Any bytes are decompressed, or refused as bad data; what is compressed here comes back.

namespace {

using namespace millrace;
using namespace millrace::storage;

/// A few bytes can stand for gigabytes of zeros.
constexpr std::size_t most_bytes = std::size_t{16} << 20;

void write(FileSystem& files, std::span<const std::byte> bytes, Compression compression) {
  const auto file = compress(files.create("/x"), compression);
  file->write(bytes);
  file->close();
}

std::string read(const FileSystem& files, std::size_t chunk) {
  const auto stream = open_stream(files, "/x");
  std::string text;
  std::string into(chunk, '\0');
  while (const std::size_t count = stream->read(std::as_writable_bytes(std::span(into)))) {
    text.append(into, 0, count);
    if (text.size() > most_bytes) break;
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  MemoryFileSystem files;
  write(files, bytes, Compression::none);
  try {
    if (read(files, 100) != read(files, 70000)) std::abort();
  } catch (const Error& error) {
    if (error.cause() != Cause::bad_data) std::abort();
  }
  for (const Compression compression : {Compression::gzip, Compression::zstd}) {
    write(files, bytes, compression);
    const std::string text = read(files, 1000);
    if (text != std::string_view(reinterpret_cast<const char*>(data), size)) std::abort();
  }
  return 0;
}
