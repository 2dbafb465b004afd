#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace millrace::jobs {

/// Up to `capacity` points, feature by feature: `columns` holds the object bytes of features × capacity doubles. A
/// point is kept times +1 for label 1 and -1 for label 0, which is all that a gradient asks of its label; rows that are
/// missing are zeros, which add nothing to a gradient. A view: it lives as long as the bytes.
struct PointBlock {
  static constexpr std::size_t capacity = 256;

  std::uint32_t rows = 0;
  std::string_view columns;

  static constexpr auto fields = std::tuple{&PointBlock::rows, &PointBlock::columns};
};

/// Gathers lines of comma-separated features and a label, 0 or 1, into blocks. One thread.
class PointReader {
 public:
  explicit PointReader(std::size_t features) : features_(features), columns_(features * PointBlock::capacity) {}

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
  std::size_t features_;
  std::vector<double> columns_;
  std::uint32_t rows_ = 0;
};

}  // namespace millrace::jobs
