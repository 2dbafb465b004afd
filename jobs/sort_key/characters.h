#pragma once

#include "jobs/sort_key/sort_key.h"

// Characters in the C locale, as sort(1) classes them.

namespace millrace::jobs {

inline bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
inline bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
inline char upper(char c) { return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c; }

/// Whether the ordering looks at a character at all.
inline bool counts(char c, const KeyOrdering& ordering) {
  if (ordering.dictionary) return c == ' ' || c == '\t' || is_letter(c) || is_digit(c);
  if (ordering.printable) return c >= ' ' && c <= '~';
  return true;
}

}  // namespace millrace::jobs
