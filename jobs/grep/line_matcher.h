#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::jobs {

/// What to look for.
struct Pattern {
  std::string text;        ///< several patterns, one a line, match what any of them matches
  bool fixed = false;      ///< the text itself, not a regular expression
  bool fold_case = false;  ///< ASCII letters match both cases
  bool word = false;       ///< only where no letter, digit or underscore is next to the match (grep -w)
  bool line = false;       ///< only where the match is the whole line (grep -x)
  bool invert = false;     ///< the lines that do not match (grep -v)
};

/// Finds the lines that a pattern matches somewhere. Bytes are matched, not characters. Immutable: any number of
/// threads may use one at once.
class LineMatcher {
 public:
  virtual ~LineMatcher() = default;

  /// Calls visit for each matching line of `text` in order, without its newline, as a view into `text`. `text` is whole
  /// lines; the last one may lack its newline.
  virtual void matching_lines(std::string_view text, const std::function<void(std::string_view)>& visit) const = 0;
};

/// Regular expressions have RE2's syntax. Throws Error(usage) for one that is none.
std::unique_ptr<LineMatcher> make_line_matcher(const Pattern& pattern);

/// By RE2, a line at a time: any pattern on any machine. The options `word`, `line` and `invert` are not seen here and
/// below.
std::unique_ptr<LineMatcher> make_re2_matcher(const Pattern& pattern);

/// By Hyperscan, many lines at a time: null when this build or the processor has no Hyperscan, or when the pattern is
/// one that it cannot find line by line, such as one that matches the empty text.
std::unique_ptr<LineMatcher> make_hyperscan_matcher(const Pattern& pattern);

/// One text whose case matters, found by wide comparisons; null for any other pattern, and where the processor lacks
/// the instructions.
std::unique_ptr<LineMatcher> make_literal_matcher(const Pattern& pattern);

}  // namespace millrace::jobs
