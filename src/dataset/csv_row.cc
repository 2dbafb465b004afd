#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <millrace/csv.h>

namespace millrace::internal {
namespace {

std::string this_row() {
  const TaskContext* task = TaskContext::current();
  if (task == nullptr) return "a row that was kept beyond its task";
  return fmt::format("{}: the row at byte {}", task->input_path(), task->input_offset());
}

std::string_view without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <class T>
bool parse_number(std::string_view text, T& value) {
  text = without_blanks(text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

/// "column 2 (price)", counted from 0 as in the calls.
std::string column_text(const RowFields& row, std::size_t column) {
  if (column >= row.names.size()) return fmt::format("column {}", column);
  return fmt::format("column {} ({})", column, row.names[column]);
}

}  // namespace

void throw_no_column(const RowFields& row, std::size_t column) {
  throw Error(Cause::bad_data,
              fmt::format("the row has {} fields, so there is no {}", row.fields.size(), column_text(row, column)));
}

void throw_no_column(const RowFields& row, std::string_view name) {
  const std::string columns = row.names.empty()
                                  ? std::string("its columns have no names; use their numbers, from 0")
                                  : fmt::format("the columns of the file are {}", fmt::join(row.names, ", "));
  throw Error(Cause::usage, fmt::format("{}: no column is named \"{}\": {}", this_row(), name, columns));
}

void throw_bad_field(const RowFields& row, std::size_t column, const std::string& expected) {
  constexpr std::size_t shown = 80;
  const std::string_view text = row.fields[column];
  throw Error(Cause::bad_data, fmt::format("{} is \"{}{}\", not {}", column_text(row, column), text.substr(0, shown),
                                           text.size() > shown ? "…" : "", expected));
}

bool parse_value(std::string_view text, std::int64_t& value) { return parse_number(text, value); }
bool parse_value(std::string_view text, std::uint64_t& value) { return parse_number(text, value); }
bool parse_value(std::string_view text, double& value) { return parse_number(text, value); }
bool parse_value(std::string_view text, bool& value) {
  text = without_blanks(text);
  value = text == "true" || text == "1";
  return value || text == "false" || text == "0";
}

}  // namespace millrace::internal
