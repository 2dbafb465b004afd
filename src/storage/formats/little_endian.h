#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <vector>

namespace millrace::storage {

static_assert(std::endian::native == std::endian::little, "the formats are little-endian, and so far so are all hosts");

/// Appends an integer as the formats store it.
template <class Integer>
void put(std::vector<std::byte>& to, Integer value) {
  const std::size_t end = to.size();
  to.resize(end + sizeof value);
  std::memcpy(to.data() + end, &value, sizeof value);
}

/// Reads an integer that begins at `from`, at whatever alignment.
template <class Integer>
Integer get(const std::byte* from) {
  Integer value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace millrace::storage
