#pragma once

#include <cstddef>

namespace millrace::storage {

/// Memory that begins on a page, begins as zeros, and grows without a second copy being alive. `padding` bytes after
/// its capacity may be read and written as well.
class PaddedBuffer {
 public:
  static constexpr std::size_t padding = 64;

  PaddedBuffer() = default;
  PaddedBuffer(const PaddedBuffer&) = delete;
  PaddedBuffer& operator=(const PaddedBuffer&) = delete;
  ~PaddedBuffer();

  char* data() { return data_; }
  std::size_t capacity() const { return mapped_ == 0 ? 0 : mapped_ - padding; }
  /// What reserve(capacity) would take from the machine beyond what is held now.
  std::size_t growth(std::size_t capacity) const;
  /// Makes capacity() at least `capacity`; the content stays, data() may change. Throws Error(out_of_memory).
  void reserve(std::size_t capacity);

 private:
  char* data_ = nullptr;
  std::size_t mapped_ = 0;
};

}  // namespace millrace::storage
