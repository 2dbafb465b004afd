#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace millrace::dataset {

/// Whether some aligned word of the bytes is an address inside this process's stacks, heap, data or code. A function
/// that captures such a word captured a reference or a pointer, which would mean nothing in another process.
/// Unlucky numbers are possible (one in tens of thousands of random 64-bit ones would have to lie below 2^47), and so
/// are addresses that it cannot know, of memory that was mapped by hand after the last look.
bool holds_address(std::span<const std::byte> bytes);

}  // namespace millrace::dataset
