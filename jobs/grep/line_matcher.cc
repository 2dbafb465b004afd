#include "jobs/grep/line_matcher.h"

#include <algorithm>
#include <re2/re2.h>

#include <millrace/error.h>

namespace millrace::jobs {
namespace {

class Re2Matcher : public LineMatcher {
 public:
  explicit Re2Matcher(const Pattern& pattern) : expression_(expression(pattern), options(pattern)) {
    if (!expression_.ok())
      throw Error(Cause::usage, "'" + pattern.text + "' is not a regular expression: " + expression_.error());
  }

  void matching_lines(std::string_view text, const std::function<void(std::string_view)>& visit) const override {
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      if (RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), expression_)) visit(line);
      text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
  }

 private:
  static std::string expression(const Pattern& pattern) {
    if (!pattern.fixed) return pattern.text;
    std::string any;
    for (std::size_t begin = 0; begin <= pattern.text.size();) {
      const std::size_t end = std::min(pattern.text.find('\n', begin), pattern.text.size());
      if (begin != 0) any += '|';
      any += RE2::QuoteMeta(re2::StringPiece(pattern.text.data() + begin, end - begin));
      begin = end + 1;
    }
    return any;
  }
  static RE2::Options options(const Pattern& pattern) {
    RE2::Options options(RE2::Latin1);  // every byte is a character, so invalid UTF-8 matches, too
    options.set_case_sensitive(!pattern.fold_case);
    options.set_log_errors(false);
    return options;
  }

  RE2 expression_;
};

}  // namespace

std::unique_ptr<LineMatcher> make_re2_matcher(const Pattern& pattern) { return std::make_unique<Re2Matcher>(pattern); }

std::unique_ptr<LineMatcher> make_line_matcher(const Pattern& pattern) {
  auto any_pattern = make_re2_matcher(pattern);  // says what is wrong with the expression
  auto fast = make_hyperscan_matcher(pattern);
  return fast != nullptr ? std::move(fast) : std::move(any_pattern);
}

}  // namespace millrace::jobs
