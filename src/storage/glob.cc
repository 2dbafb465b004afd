#include "storage/glob.h"

#include <cstddef>
#include <fmt/format.h>
#include <optional>

#include <millrace/error.h>

namespace millrace::storage {
namespace {

constexpr std::size_t most_choices = 10000;
constexpr std::size_t none = std::string_view::npos;

/// The end of the set that begins with the bracket at `open`: the place of its closing bracket, or none.
/// A closing bracket that comes first in the set is a member of it.
std::size_t set_end(std::string_view pattern, std::size_t open) {
  std::size_t i = open + 1;
  if (i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^')) ++i;
  return i < pattern.size() ? pattern.find(']', i + 1) : none;
}

bool set_has(std::string_view set, char wanted) {
  const bool negated = set.front() == '!' || set.front() == '^';
  if (negated) set.remove_prefix(1);
  const auto byte = static_cast<unsigned char>(wanted);
  bool found = false;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const auto low = static_cast<unsigned char>(set[i]);
    auto high = low;
    if (i + 2 < set.size() && set[i + 1] == '-') {
      high = static_cast<unsigned char>(set[i + 2]);
      i += 2;
    }
    found = found || (low <= byte && byte <= high);
  }
  return found != negated;
}

/// Matches one byte of a name by the element of the pattern at `at`, which is not `*`. Returns the place after the
/// element, or nothing.
std::optional<std::size_t> match_one(std::string_view pattern, std::size_t at, char byte) {
  const char element = pattern[at];
  if (element == '?') return at + 1;
  if (element == '[') {
    const std::size_t end = set_end(pattern, at);
    if (end != none) {
      return set_has(pattern.substr(at + 1, end - at - 1), byte) ? std::optional(end + 1) : std::nullopt;
    }
  }
  if (element == '\\' && at + 1 < pattern.size()) return pattern[at + 1] == byte ? std::optional(at + 2) : std::nullopt;
  return element == byte ? std::optional(at + 1) : std::nullopt;
}

/// Where the group that begins with the brace at `open` ends, and its commas on the way; none when it is not closed.
std::size_t group_end(std::string_view pattern, std::size_t open, std::vector<std::size_t>& commas) {
  std::size_t depth = 0;
  for (std::size_t i = open; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == '{') {
      ++depth;
    } else if (pattern[i] == ',' && depth == 1) {
      commas.push_back(i);
    } else if (pattern[i] == '}' && --depth == 0) {
      return i;
    }
  }
  return none;
}

void expand(std::string_view pattern, std::size_t from, std::vector<std::string>& choices) {
  for (std::size_t open = from; open < pattern.size(); ++open) {
    if (pattern[open] == '\\') {
      ++open;
      continue;
    }
    std::vector<std::size_t> bounds{open};
    if (pattern[open] != '{') continue;
    const std::size_t end = group_end(pattern, open, bounds);
    if (end == none || bounds.size() == 1) continue;
    bounds.push_back(end);
    for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
      std::string choice(pattern.substr(0, open));
      choice += pattern.substr(bounds[i] + 1, bounds[i + 1] - bounds[i] - 1);
      choice += pattern.substr(end + 1);
      expand(choice, open, choices);
    }
    return;
  }
  if (choices.size() == most_choices) {
    throw Error(Cause::input, fmt::format("the pattern has more than {} choices: {}", most_choices, pattern));
  }
  choices.emplace_back(pattern);
}

}  // namespace

bool is_pattern(std::string_view text) { return text.find_first_of("*?[{\\") != none; }

bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  // Going back to the last star alone is enough: what an earlier one could take, the last one can as well.
  std::size_t star = none;
  std::size_t star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_name = n;
      continue;
    }
    const auto next = p < pattern.size() ? match_one(pattern, p, name[n]) : std::nullopt;
    if (next) {
      p = *next;
      ++n;
    } else if (star != none) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == none;
}

std::string unescape(std::string_view component) {
  std::string text;
  for (std::size_t i = 0; i < component.size(); ++i) {
    if (component[i] == '\\' && i + 1 < component.size()) ++i;
    text += component[i];
  }
  return text;
}

std::vector<std::string> expand_braces(std::string_view pattern) {
  std::vector<std::string> choices;
  expand(pattern, 0, choices);
  return choices;
}

}  // namespace millrace::storage
