#include "storage/padded_buffer.h"

#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>

namespace millrace::storage {
namespace {

TEST(PaddedBuffer, KeepsItsContentWhileItGrowsAndCountsWhatItTakes) {
  PaddedBuffer buffer;
  EXPECT_EQ(buffer.capacity(), 0u);
  std::size_t taken = 0;
  for (const std::size_t wanted : {std::size_t{1}, std::size_t{5000}, std::size_t{50000}, std::size_t{70000},
                                   std::size_t{1} << 20, std::size_t{1000}, std::size_t{5} << 20}) {
    const std::size_t before = buffer.capacity();
    taken += buffer.growth(wanted);
    buffer.reserve(wanted);
    ASSERT_GE(buffer.capacity(), wanted);
    EXPECT_EQ(taken, buffer.capacity() + PaddedBuffer::padding);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0u);
    for (std::size_t i = 0; i < before; ++i) ASSERT_EQ(buffer.data()[i], static_cast<char>(i % 251));
    for (std::size_t i = 0; i < buffer.capacity(); ++i) buffer.data()[i] = static_cast<char>(i % 251);
    std::memset(buffer.data() + buffer.capacity(), 0, PaddedBuffer::padding);
  }
}

}  // namespace
}  // namespace millrace::storage
