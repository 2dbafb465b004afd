#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <millrace/internal/chain.h>

namespace millrace {

/// How read_csv() takes its files. The format is RFC 4180's (docs/formats.md): fields in quotes may hold separators,
/// newlines and quotes (doubled); rows end with \n or \r\n; empty lines are no rows.
struct CsvOptions {
  char separator = ',';
  char quote = '"';    ///< 0: quotes are bytes like others
  bool header = true;  ///< the first row of each file names its columns and is no data
  /// Whether fields in quotes may hold newlines. A file that is cut into splits is then looked through once for its
  /// quotes before the job; without them a newline in quotes is bad data.
  bool quoted_newlines = true;
};

class CsvRow;

namespace internal {

[[noreturn]] void throw_no_column(const RowFields& row, std::size_t column);
[[noreturn]] void throw_no_column(const RowFields& row, std::string_view name);
[[noreturn]] void throw_bad_field(const RowFields& row, std::size_t column, const std::string& expected);

/// Whole texts, but for ASCII blanks around them. Return false for anything that is no such value.
bool parse_value(std::string_view text, std::int64_t& value);
bool parse_value(std::string_view text, std::uint64_t& value);
bool parse_value(std::string_view text, double& value);
bool parse_value(std::string_view text, bool& value);

template <class T>
bool parse_field(std::string_view text, T& value) {
  if constexpr (std::is_same_v<T, std::string_view> || std::is_same_v<T, std::string>) {
    value = T(text);
    return true;
  } else if constexpr (std::is_same_v<T, bool>) {
    return parse_value(text, value);
  } else {
    static_assert(std::is_arithmetic_v<T>, "a CSV field is read as a number, a bool, text, or std::optional of these");
    using Wide = std::conditional_t<std::is_floating_point_v<T>, double,
                                    std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>;
    Wide wide{};
    if (!parse_value(text, wide)) return false;
    if constexpr (std::is_integral_v<T>) {
      if (wide < std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max()) return false;
    }
    value = static_cast<T>(wide);
    return true;
  }
}

template <class T>
std::string expected_value() {
  if constexpr (std::is_same_v<T, bool>) {
    return "true, false, 1 or 0";
  } else if constexpr (std::is_integral_v<T>) {
    return "a whole number from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
           std::to_string(std::numeric_limits<T>::max());
  } else {
    return "a number";
  }
}

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

}  // namespace internal

/// One row of a CSV file: a view that is valid until the function that receives it returns. Keep what you take out of
/// it; the row itself cannot travel between tasks. Columns are numbered from 0.
///
/// A row with too few fields, or a field that is not what was asked for, is Error(bad_data), which --skip-bad-records
/// skips; a name that the file's header does not have is Error(usage). The failure of the job names the file and the
/// byte at which the row begins.
class CsvRow {
 public:
  CsvRow(const CsvRow& other) noexcept : row_(other.row_) {}
  CsvRow& operator=(const CsvRow& other) noexcept {
    row_ = other.row_;
    return *this;
  }

  std::size_t size() const { return row_->fields.size(); }

  /// The field's text, without its quotes.
  std::string_view operator[](std::size_t column) const {
    if (column >= size()) internal::throw_no_column(*row_, column);
    return row_->fields[column];
  }
  std::string_view operator[](std::string_view name) const { return (*this)[column(name)]; }

  /// The field as a number, a bool (true, false, 1, 0) or text; as std::optional of these, an empty field is nullopt.
  template <class T>
  T get(std::size_t column) const {
    const std::string_view text = (*this)[column];
    if constexpr (internal::IsOptional<T>::value) {
      if (text.empty()) return std::nullopt;
      return get<typename T::value_type>(column);
    } else {
      T value{};
      if (!internal::parse_field(text, value)) {
        internal::throw_bad_field(*row_, column, internal::expected_value<T>());
      }
      return value;
    }
  }
  template <class T>
  T get(std::string_view name) const {
    return get<T>(column(name));
  }

  /// The number of the column of this name, in the file that this row is from.
  std::size_t column(std::string_view name) const {
    for (std::size_t i = 0; i < row_->names.size(); ++i) {
      if (row_->names[i] == name) return i;
    }
    internal::throw_no_column(*row_, name);
  }

  explicit CsvRow(const internal::RowFields& row) noexcept : row_(&row) {}

 private:
  const internal::RowFields* row_;
};

namespace internal {

/// The rows of CSV files.
struct CsvSource {
  using element = const CsvRow&;
  std::uint32_t node;

  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto input = task.open_source(node, partition);
    const bool skipping = task.may_skip();
    std::string_view text;
    std::uint64_t delivered = 0;
    std::uint64_t count = 0;
    for (bool more = true; more;) {
      try {
        for (;;) {
          text = {};
          delivered = task.delivered();
          more = !task.stopped() && input->next(text);
          if (!more) break;
          ++count;
          if (skipping && task.is_known_bad(text)) continue;
          sink(CsvRow(*input->row()));
        }
      } catch (...) {
        // Without a text it was no single row that failed.
        if (!skipping || text.data() == nullptr || task.delivered() != delivered) throw;
        task.skip_record(text);
      }
    }
    task.count_records(count);
  }
  void save(Encoder& out) const { out.put(node); }
  static CsvSource load(Decoder& in) { return {in.get<std::uint32_t>()}; }
};

}  // namespace internal
}  // namespace millrace
