#include "jobs/grep/line_matcher.h"

#include <algorithm>
#include <cstring>
#include <re2/re2.h>
#include <utility>

#include <millrace/error.h>

namespace millrace::jobs {
namespace {

/// The next line of `text`, which it is taken off.
std::string_view take_line(std::string_view& text) {
  const void* newline = std::memchr(text.data(), '\n', text.size());
  const std::size_t length =
      newline != nullptr ? static_cast<std::size_t>(static_cast<const char*>(newline) - text.data()) : text.size();
  const std::string_view line = text.substr(0, length);
  text.remove_prefix(std::min(length + 1, text.size()));
  return line;
}

class Re2Matcher : public LineMatcher {
 public:
  explicit Re2Matcher(const Pattern& pattern) : expression_(pattern.text, options(pattern)) {
    if (!expression_.ok())
      throw Error(Cause::usage, "'" + pattern.text + "' is not a regular expression: " + expression_.error());
  }

  void matching_lines(std::string_view text, const std::function<void(std::string_view)>& visit) const override {
    while (!text.empty()) {
      const std::string_view line = take_line(text);
      if (RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), expression_)) visit(line);
    }
  }

 private:
  static RE2::Options options(const Pattern& pattern) {
    RE2::Options options(RE2::Latin1);  // every byte is a character, so invalid UTF-8 matches, too
    options.set_case_sensitive(!pattern.fold_case);
    options.set_log_errors(false);
    return options;
  }

  RE2 expression_;
};

/// The lines that another matcher leaves out.
class InvertedMatcher : public LineMatcher {
 public:
  explicit InvertedMatcher(std::unique_ptr<LineMatcher> matcher) : matcher_(std::move(matcher)) {}

  void matching_lines(std::string_view text, const std::function<void(std::string_view)>& visit) const override {
    std::string_view rest = text;
    matcher_->matching_lines(text, [&](std::string_view match) {
      while (rest.data() != match.data()) visit(take_line(rest));
      take_line(rest);
    });
    while (!rest.empty()) visit(take_line(rest));
  }

 private:
  std::unique_ptr<LineMatcher> matcher_;
};

/// The same pattern as one regular expression.
Pattern as_expression(const Pattern& pattern) {
  Pattern all = pattern;
  all.text.clear();
  all.fixed = all.word = all.line = false;
  const bool several = pattern.text.find('\n') != std::string::npos;
  for (std::size_t begin = 0; begin <= pattern.text.size();) {
    const std::size_t end = std::min(pattern.text.find('\n', begin), pattern.text.size());
    const std::string one = pattern.text.substr(begin, end - begin);
    if (begin != 0) all.text += '|';
    const std::string expression = pattern.fixed ? RE2::QuoteMeta(one) : one;
    all.text += several && !pattern.fixed ? "(?:" + expression + ")" : expression;
    begin = end + 1;
  }
  if (pattern.line) {
    all.text = "^(?:" + all.text + ")$";
  } else if (pattern.word) {
    all.text = "(?:^|\\W)(?:" + all.text + ")(?:\\W|$)";
  }
  return all;
}

/// A regular expression that is plain text is found faster as that.
bool is_plain(const std::string& expression) {
  return expression.find_first_of("\\^$.|?*+()[]{}\n") == std::string::npos;
}

}  // namespace

std::unique_ptr<LineMatcher> make_re2_matcher(const Pattern& pattern) {
  return std::make_unique<Re2Matcher>(as_expression(pattern));
}

std::unique_ptr<LineMatcher> make_line_matcher(const Pattern& pattern) {
  const Pattern expression = as_expression(pattern);
  std::unique_ptr<LineMatcher> matcher = make_re2_matcher(expression);  // says what is wrong with the expression
  Pattern quick = pattern.word || pattern.line || !pattern.fixed ? expression : pattern;
  quick.fixed = quick.fixed || is_plain(quick.text);
  if (auto literal = make_literal_matcher(quick)) {
    matcher = std::move(literal);
  } else if (auto fast = make_hyperscan_matcher(quick)) {
    matcher = std::move(fast);
  }
  if (pattern.invert) matcher = std::make_unique<InvertedMatcher>(std::move(matcher));
  return matcher;
}

}  // namespace millrace::jobs
