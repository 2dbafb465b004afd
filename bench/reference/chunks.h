#pragma once

#include <tuple>
#include <utility>

#include "program.h"

// Lists that many grow side by side without being copied: pieces of memory from a pool that one thread owns.
namespace reference {

class ChunkPool {
 public:
  char* take(std::size_t size) {
    if (size > left_ && !spare_.empty() && spare_.back().second >= size) {
      std::tie(at_, left_) = spare_.back();
      spare_.pop_back();
    }
    if (size > left_) {
      left_ = std::max<std::size_t>(size, 32 << 20);
      at_ = allocate<char>(left_);
    }
    left_ -= size;
    return std::exchange(at_, at_ + size);
  }

  // Memory of any pool that is no longer needed: cheaper than memory that was never touched.
  void reuse(void* memory, std::size_t size) { spare_.emplace_back(static_cast<char*>(memory), size); }

 private:
  char* at_ = nullptr;
  std::size_t left_ = 0;
  std::vector<std::pair<char*, std::size_t>> spare_;
};

template <typename T, std::size_t kItems = 2048>
class ChunkList {
 public:
  void append(const T& item, ChunkPool& pool) {
    if (at_ == end_) {
      at_ = reinterpret_cast<T*>(pool.take(kItems * sizeof(T)));
      end_ = at_ + kItems;
      chunks_.push_back(at_);
    }
    *at_++ = item;
  }

  std::size_t size() const { return chunks_.size() * kItems - static_cast<std::size_t>(end_ - at_); }

  // Calls function(begin, end) for every piece, in order.
  template <typename Function>
  void for_each_chunk(Function function) const {
    for (const T* chunk : chunks_) function(chunk, chunk == chunks_.back() ? at_ : chunk + kItems);
  }

  // The same, and gives each piece to the pool when its call has returned; the list is empty then.
  template <typename Function>
  void consume(Function function, ChunkPool& pool) {
    for (T* chunk : chunks_) {
      function(chunk, chunk == chunks_.back() ? at_ : chunk + kItems);
      pool.reuse(chunk, kItems * sizeof(T));
    }
    *this = {};
  }

 private:
  T* at_ = nullptr;
  T* end_ = nullptr;
  std::vector<T*> chunks_;
};

}  // namespace reference
