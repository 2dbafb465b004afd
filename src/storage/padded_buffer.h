#pragma once

#include <cstddef>

namespace millrace::storage {

/// Memory that begins on a 64-byte boundary and, once it is large, grows without a second copy being alive. `padding`
/// bytes after its capacity may be read and written as well.
class PaddedBuffer {
 public:
  static constexpr std::size_t padding = 64;

  PaddedBuffer() = default;
  PaddedBuffer(const PaddedBuffer&) = delete;
  PaddedBuffer& operator=(const PaddedBuffer&) = delete;
  ~PaddedBuffer();

  char* data() { return data_; }
  std::size_t capacity() const { return size_ == 0 ? 0 : size_ - padding; }
  /// What reserve(capacity) would take from the machine beyond what is held now.
  std::size_t growth(std::size_t capacity) const;
  /// Makes capacity() at least `capacity`; the content stays, data() may change. Throws Error(out_of_memory).
  void reserve(std::size_t capacity);

 private:
  void release();

  char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace millrace::storage
