#include "jobs/sort_key/sort_key.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include <millrace/error.h>

namespace millrace::jobs {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A reader of the notation; remembers the whole text for its errors.
class KeyText {
 public:
  explicit KeyText(std::string_view text) : text_(text), rest_(text) {}

  bool empty() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Digits; numbers beyond what a line can hold saturate.
  std::size_t number(const char* what) {
    if (rest_.empty() || !is_digit(rest_.front())) fail(fmt::format("{} is missing", what));
    std::size_t value = 0;
    while (!rest_.empty() && is_digit(rest_.front())) {
      value = std::min<std::size_t>(value * 10 + static_cast<std::size_t>(rest_.front() - '0'), std::size_t{1} << 40);
      rest_.remove_prefix(1);
    }
    return value;
  }
  /// Option letters up to a comma or the end. Returns whether there was one.
  bool options(KeyOrdering& ordering, bool& blanks) {
    bool any = false;
    while (!rest_.empty() && rest_.front() != ',') {
      const char letter = rest_.front();
      if (letter == 'b') {
        blanks = true;
      } else if (!add_ordering_option(letter, ordering)) {
        fail(fmt::format("'{}' is no ordering option; use b d f g h i M n r", letter));
      }
      any = true;
      rest_.remove_prefix(1);
    }
    return any;
  }
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(Cause::usage, fmt::format("sort key '{}': {}; the form is F[.C][OPTS][,F[.C][OPTS]]", text_, why));
  }

 private:
  std::string_view text_;
  std::string_view rest_;
};

KeyOrdering::Kind kind_of(char letter) {
  switch (letter) {
    case 'n':
      return KeyOrdering::Kind::numeric;
    case 'g':
      return KeyOrdering::Kind::general;
    case 'h':
      return KeyOrdering::Kind::human;
    case 'M':
      return KeyOrdering::Kind::month;
    default:
      return KeyOrdering::Kind::bytes;
  }
}

}  // namespace

bool add_ordering_option(char letter, KeyOrdering& ordering) {
  switch (letter) {
    case 'b':
      ordering.skip_start_blanks = ordering.skip_end_blanks = true;
      return true;
    case 'd':
      ordering.dictionary = true;
      return true;
    case 'f':
      ordering.fold_case = true;
      return true;
    case 'i':
      ordering.printable = true;
      return true;
    case 'r':
      ordering.reverse = true;
      return true;
    case 'n':
    case 'g':
    case 'h':
    case 'M':
      ordering.kind = kind_of(letter);
      return true;
    default:
      return false;
  }
}

SortKey parse_sort_key(std::string_view text) {
  SortKey key;
  KeyText reader(text);
  const std::size_t start_field = reader.number("the field number");
  if (start_field == 0) reader.fail("fields count from 1");
  key.start_field = start_field - 1;
  if (reader.take('.')) {
    const std::size_t start_char = reader.number("the character after '.'");
    if (start_char == 0) reader.fail("characters count from 1");
    key.start_char = start_char - 1;
  }
  bool own = reader.options(key.ordering, key.ordering.skip_start_blanks);
  if (reader.take(',')) {
    const std::size_t end_field = reader.number("the field number after ','");
    if (end_field == 0) reader.fail("fields count from 1");
    key.end_field = end_field - 1;
    if (reader.take('.')) key.end_char = reader.number("the character after '.'");
    own |= reader.options(key.ordering, key.ordering.skip_end_blanks);
    if (!reader.empty()) reader.fail("a key has two positions at most");
  }
  key.inherits = !own;
  return key;
}

std::vector<SortKey> parse_sort_keys(std::string_view text, KeyOrdering& global) {
  std::vector<SortKey> keys;
  std::size_t at = 0;
  const auto next_word = [&] {
    while (at < text.size() && is_blank(text[at])) ++at;
    const std::size_t begin = at;
    while (at < text.size() && !is_blank(text[at])) ++at;
    return text.substr(begin, at - begin);
  };
  for (std::string_view word = next_word(); !word.empty(); word = next_word()) {
    if (word.size() < 2 || word.front() != '-') {
      throw Error(Cause::usage, fmt::format("key options '{}': '{}' is not of the form -kF,F or -nr", text, word));
    }
    word.remove_prefix(1);
    if (word.front() == 'k') {
      word.remove_prefix(1);
      keys.push_back(parse_sort_key(word.empty() ? next_word() : word));
      continue;
    }
    for (const char letter : word) {
      if (!add_ordering_option(letter, global)) {
        throw Error(Cause::usage, fmt::format("key options '{}': '{}' is no ordering option", text, letter));
      }
    }
  }
  return keys;
}

LineOrder::LineOrder(std::vector<SortKey> keys, KeyOrdering global, std::optional<char> separator, bool last_resort)
    : keys_(std::move(keys)), separator_(separator), last_resort_(last_resort), reverse_last_resort_(global.reverse) {
  if (keys_.empty()) keys_.emplace_back();
  for (SortKey& key : keys_) {
    if (key.inherits) key.ordering = global;
  }
}

std::size_t LineOrder::field_begin(std::string_view line, std::size_t field) const {
  std::size_t at = 0;
  for (; field > 0 && at < line.size(); --field) {
    at = field_end(line, at);
    if (separator_ && at < line.size()) ++at;
  }
  return at;
}

std::size_t LineOrder::field_end(std::string_view line, std::size_t begin) const {
  if (separator_) return std::min(line.find(*separator_, begin), line.size());
  while (begin < line.size() && is_blank(line[begin])) ++begin;
  while (begin < line.size() && !is_blank(line[begin])) ++begin;
  return begin;
}

std::string_view LineOrder::extract(std::string_view line, std::size_t index) const {
  const SortKey& key = keys_[index];
  std::size_t begin = field_begin(line, key.start_field);
  if (key.ordering.skip_start_blanks) {
    while (begin < line.size() && is_blank(line[begin])) ++begin;
  }
  begin = std::min(begin + key.start_char, line.size());

  std::size_t end = line.size();
  if (key.end_field != SortKey::to_line_end) {
    end = field_begin(line, key.end_field);
    if (key.end_char == 0) {
      end = field_end(line, end);
    } else {
      if (key.ordering.skip_end_blanks) {
        while (end < line.size() && is_blank(line[end])) ++end;
      }
      end = std::min(end + key.end_char, line.size());
    }
  }
  return line.substr(begin, end > begin ? end - begin : 0);
}

int LineOrder::compare(std::string_view left, std::string_view right) const {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const int order = compare_keys(extract(left, i), extract(right, i), keys_[i].ordering);
    if (order != 0) return order;
  }
  if (!last_resort_) return 0;
  const int order = left.compare(right);
  return reverse_last_resort_ ? -order : order;
}

}  // namespace millrace::jobs
