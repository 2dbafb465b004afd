#include "storage/padded_buffer.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <millrace/error.h>

namespace millrace::storage {
namespace {

constexpr std::size_t page = 4096;

std::size_t mapping_for(std::size_t capacity) { return (capacity + PaddedBuffer::padding + page - 1) / page * page; }

}  // namespace

PaddedBuffer::~PaddedBuffer() {
  if (mapped_ > 0) ::munmap(data_, mapped_);
}

std::size_t PaddedBuffer::growth(std::size_t wanted) const {
  const std::size_t needed = mapping_for(wanted);
  return wanted <= capacity() ? 0 : needed - mapped_;
}

void PaddedBuffer::reserve(std::size_t wanted) {
  if (wanted <= capacity()) return;
  const std::size_t needed = mapping_for(wanted);
  void* memory = mapped_ == 0 ? ::mmap(nullptr, needed, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                              : ::mremap(data_, mapped_, needed, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) {
    throw Error(Cause::out_of_memory, fmt::format("the system has no {} bytes for a read buffer", needed));
  }
  data_ = static_cast<char*>(memory);
  mapped_ = needed;
}

}  // namespace millrace::storage
