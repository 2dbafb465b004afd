#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The key notation of sort(1), in the C locale: `F[.C][OPTS][,F[.C][OPTS]]`. Fields and characters count from 1; a
// character is a byte. Without a separator a field begins at the blanks before it; with one, the separator belongs to
// no field. Used by the `sort` command and by streaming's KeyFieldBasedPartitioner and KeyFieldBasedComparator.
//
// All functions are pure and may be called from any thread.

namespace millrace::jobs {

/// How two keys compare.
struct KeyOrdering {
  enum class Kind : std::uint8_t {
    bytes,    ///< unsigned bytes
    numeric,  ///< n: optional minus, digits, fraction; any length; everything else is 0
    general,  ///< g: as strtod reads it; no number < NaN < numbers
    human,    ///< h: as n, and a suffix out of K M G T P E Z Y weighs more than the number
    month,    ///< M: unknown < JAN < … < DEC
  };
  Kind kind = Kind::bytes;
  bool dictionary = false;         ///< d: only blanks, letters and digits count
  bool fold_case = false;          ///< f: lower case as upper case
  bool printable = false;          ///< i: only printable characters count
  bool reverse = false;            ///< r
  bool skip_start_blanks = false;  ///< b on the first position: its character counts from the first non-blank
  bool skip_end_blanks = false;    ///< b on the second position

  friend bool operator==(const KeyOrdering&, const KeyOrdering&) = default;
  bool is_default() const { return *this == KeyOrdering{}; }
};

/// One -k. Positions count from 0 here.
struct SortKey {
  static constexpr std::size_t to_line_end = static_cast<std::size_t>(-1);

  std::size_t start_field = 0;
  std::size_t start_char = 0;
  std::size_t end_field = to_line_end;  ///< the last field that belongs to the key
  std::size_t end_char = 0;             ///< how many characters of end_field belong to it; 0: all
  KeyOrdering ordering;
  bool inherits = true;  ///< it has no option of its own: LineOrder gives it the global ones

  friend bool operator==(const SortKey&, const SortKey&) = default;
};

/// Reads what follows -k: "2", "1,2", "2,2nr", "1.2,1.4". Throws Error(usage) that quotes `text` and says what is
/// wrong.
SortKey parse_sort_key(std::string_view text);

/// Reads a list of options as KeyFieldBasedComparator takes it: "-k1,2 -k3nr", "-nr -k2", "-nr". Options that stand
/// alone are put into `global`. Throws Error(usage).
std::vector<SortKey> parse_sort_keys(std::string_view text, KeyOrdering& global);

/// Adds one option letter (b d f i n g h M r) to `ordering`; b sets both ends. Returns false for any other letter.
bool add_ordering_option(char letter, KeyOrdering& ordering);

/// Compares two keys by `ordering`, `reverse` included.
int compare_keys(std::string_view left, std::string_view right, const KeyOrdering& ordering);

/// Stands for a key in most comparisons: when it is smaller than another key's, the key comes first. Equal ones say
/// nothing.
std::uint64_t key_prefix(std::string_view key, const KeyOrdering& ordering);

/// A total preorder of lines by keys.
class LineOrder {
 public:
  /// No keys: the whole line is the key, by `global`. `separator`: as -t; none means blanks, as sort(1) has it.
  /// `last_resort`: lines with equal keys compare by all their bytes (reversed when `global` is); without it they are
  /// equal (sort -s).
  LineOrder(std::vector<SortKey> keys, KeyOrdering global = {}, std::optional<char> separator = std::nullopt,
            bool last_resort = true);

  /// Negative, 0 or positive. Lines have no newline at the end.
  int compare(std::string_view left, std::string_view right) const;
  bool operator()(std::string_view left, std::string_view right) const { return compare(left, right) < 0; }

  /// When smaller than another line's, this line comes first; equal ones say nothing.
  std::uint64_t prefix(std::string_view line) const { return key_prefix(extract(line, 0), keys_.front().ordering); }

  /// The bytes of `line` that the key with this number compares. The view points into `line`.
  std::string_view extract(std::string_view line, std::size_t key) const;
  /// At least 1.
  std::size_t keys() const { return keys_.size(); }

 private:
  std::size_t field_begin(std::string_view line, std::size_t field) const;
  std::size_t field_end(std::string_view line, std::size_t begin) const;

  std::vector<SortKey> keys_;
  std::optional<char> separator_;
  bool last_resort_;
  bool reverse_last_resort_;
};

}  // namespace millrace::jobs
