#include "jobs/stream/standard_error.h"

#include <charconv>

namespace millrace::jobs::stream {
namespace {

constexpr std::size_t kept_lines = 10;
constexpr std::size_t kept_bytes = 2048;

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

}  // namespace

StandardError::StandardError(std::string prefix, std::function<void(std::string_view)> log)
    : prefix_(std::move(prefix)), log_(std::move(log)) {}

void StandardError::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t newline = bytes.find('\n');
    if (newline == std::string_view::npos) {
      unfinished_ += bytes;
      return;
    }
    if (unfinished_.empty()) {
      line(bytes.substr(0, newline + 1));
    } else {
      unfinished_ += bytes.substr(0, newline + 1);
      line(std::exchange(unfinished_, {}));
    }
    bytes.remove_prefix(newline + 1);
  }
}

void StandardError::finish() {
  if (!unfinished_.empty()) line(std::exchange(unfinished_, {}));
}

void StandardError::line(std::string_view text) {
  if (text.starts_with(prefix_)) {
    const std::string_view report = text.substr(prefix_.size());
    if (report.starts_with("counter:") && count(trim(report.substr(8)))) return;
    if (report.starts_with("status:")) {
      status_ = trim(report.substr(7));
      return;
    }
  }
  log_(text);
  last_.emplace_back(text.substr(0, kept_bytes));
  if (last_.size() > kept_lines) last_.pop_front();
}

bool StandardError::count(std::string_view fields) {
  const std::size_t first = fields.find(',');
  const std::size_t second = first == std::string_view::npos ? first : fields.find(',', first + 1);
  if (second == std::string_view::npos) return false;
  std::string_view digits = fields.substr(second + 1);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  std::int64_t amount = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), amount);
  if (error != std::errc{} || end != digits.data() + digits.size()) return false;
  counters_[{std::string(fields.substr(0, first)), std::string(fields.substr(first + 1, second - first - 1))}] +=
      amount;
  return true;
}

std::string StandardError::last_lines() const {
  std::string text;
  for (auto entry = last_.rbegin(); entry != last_.rend() && text.size() + entry->size() <= kept_bytes; ++entry) {
    text.insert(0, *entry);
  }
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace millrace::jobs::stream
