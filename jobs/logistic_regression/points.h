#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <millrace/codec.h>

namespace millrace::jobs {

/// Up to `capacity` points in groups of `lanes`, each group feature by feature: `values` holds the object bytes of
/// features × capacity doubles, in the order in which a gradient reads them. A point is kept times +1 for label 1 and
/// -1 for label 0, which is all that a gradient asks of its label; rows that are missing are zeros, which add nothing
/// to a gradient. A view: it lives as long as the bytes.
struct PointBlock {
  static constexpr std::size_t capacity = 256;
  static constexpr std::size_t lanes = 8;       ///< of the points of a group, one feature of each
  static constexpr std::size_t alignment = 64;  ///< of the values among the bytes of an encoded block

  std::uint32_t rows = 0;
  std::string_view values;
};

/// Gathers lines of comma-separated features and a label, 0 or 1, into blocks. One thread.
class PointReader {
 public:
  explicit PointReader(std::size_t features) : features_(features), values_(features * PointBlock::capacity) {}

  /// Throws Error(bad_data) for a line that is not `features` numbers and a label.
  void add(std::string_view line);
  bool full() const { return rows_ == PointBlock::capacity; }
  bool empty() const { return rows_ == 0; }
  /// The points since the last clear(), valid until the next call.
  PointBlock block() const;
  void clear();

  /// How many features a line has.
  static std::size_t features_of(std::string_view line);

 private:
  double& value(std::size_t feature) {
    return values_[(rows_ / PointBlock::lanes * features_ + feature) * PointBlock::lanes + rows_ % PointBlock::lanes];
  }

  std::size_t features_;
  std::vector<double> values_;
  std::uint32_t rows_ = 0;
};

}  // namespace millrace::jobs

namespace millrace {

/// A head of one cache line, then the values, whose size is a multiple of it: in memory that begins on a cache line no
/// load of a gradient crosses one.
template <>
struct Codec<jobs::PointBlock> {
  struct Head {
    alignas(jobs::PointBlock::alignment) std::uint64_t value_bytes;
    std::uint32_t rows;
    std::array<std::uint8_t, 52> unused;
  };
  static_assert(sizeof(Head) == jobs::PointBlock::alignment);

  static std::size_t size(const jobs::PointBlock& block) { return sizeof(Head) + block.values.size(); }
  static std::byte* encode(const jobs::PointBlock& block, std::byte* out) {
    out = Codec<Head>::encode({block.values.size(), block.rows, {}}, out);
    std::memcpy(out, block.values.data(), block.values.size());
    return out + block.values.size();
  }
  static jobs::PointBlock decode(const std::byte*& at, const std::byte* end) {
    const Head head = Codec<Head>::decode(at, end);
    internal::need(at, end, head.value_bytes);
    const std::string_view values(reinterpret_cast<const char*>(at), head.value_bytes);
    at += head.value_bytes;
    return {head.rows, values};
  }
  static void skip(const std::byte*& at, const std::byte* end) { decode(at, end); }
};

}  // namespace millrace
