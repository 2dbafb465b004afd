#include "storage/padded_buffer.h"

#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <sys/mman.h>

#include <millrace/error.h>

namespace millrace::storage {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t alignment = 64;

/// Up to here memory comes from the heap: a mapping for each of many small files would stop all threads each time it
/// is taken away. Above, it is mapped, so that it can grow in place.
constexpr std::size_t most_heap_bytes = std::size_t{64} << 10;

bool is_on_heap(std::size_t size) { return size <= most_heap_bytes; }

std::size_t size_for(std::size_t capacity) { return (capacity + PaddedBuffer::padding + page - 1) / page * page; }

void* map(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

void* remap(void* memory, std::size_t size, std::size_t new_size) {
#ifdef __SANITIZE_THREAD__
  // The thread sanitizer does not follow mremap(2): it would take what it knows of a place for that of who is there
  // now.
  void* const moved = map(new_size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, memory, size);
  ::munmap(memory, size);
  return moved;
#else
  memory = ::mremap(memory, size, new_size, MREMAP_MAYMOVE);
  return memory == MAP_FAILED ? nullptr : memory;
#endif
}

}  // namespace

PaddedBuffer::~PaddedBuffer() { release(); }

void PaddedBuffer::release() {
  if (is_on_heap(size_)) {
    std::free(data_);
  } else {
    ::munmap(data_, size_);
  }
}

std::size_t PaddedBuffer::growth(std::size_t wanted) const {
  return wanted <= capacity() ? 0 : size_for(wanted) - size_;
}

void PaddedBuffer::reserve(std::size_t wanted) {
  if (wanted <= capacity()) return;
  const std::size_t needed = size_for(wanted);
  const bool grows_in_place = !is_on_heap(size_);
  void* memory = is_on_heap(needed) ? std::aligned_alloc(alignment, needed)
                 : grows_in_place   ? remap(data_, size_, needed)
                                    : map(needed);
  if (memory == nullptr) {
    throw Error(Cause::out_of_memory, fmt::format("the system has no {} bytes for a read buffer", needed));
  }
  if (!grows_in_place) {
    if (size_ > 0) std::memcpy(memory, data_, size_);
    release();
  }
  data_ = static_cast<char*>(memory);
  size_ = needed;
}

}  // namespace millrace::storage
