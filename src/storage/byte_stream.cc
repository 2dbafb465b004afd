#include "storage/byte_stream.h"

#include <fmt/format.h>
#include <utility>

#include <millrace/error.h>

namespace millrace::storage {

FileStream::FileStream(std::unique_ptr<InputFile> file, std::uint64_t offset)
    : file_(std::move(file)), first_(offset), position_(offset) {}

std::size_t FileStream::read(std::span<std::byte> into) {
  const std::size_t count = file_->read_at(position_, into);
  position_ += count;
  if (count < into.size() && position_ < file_->size()) {
    throw Error(Cause::input, fmt::format("cannot read {}: it ends at byte {} but had {} bytes when it was opened",
                                          file_->path(), position_, file_->size()));
  }
  return count;
}

std::size_t read_fully(ByteStream& stream, std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const std::size_t count = stream.read(into.subspan(done));
    if (count == 0) break;
    done += count;
  }
  return done;
}

}  // namespace millrace::storage
