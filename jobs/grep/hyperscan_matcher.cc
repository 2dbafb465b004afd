#include "jobs/grep/line_matcher.h"

#if !MILLRACE_HYPERSCAN
namespace millrace::jobs {
std::unique_ptr<LineMatcher> make_hyperscan_matcher(const Pattern&) { return nullptr; }
}  // namespace millrace::jobs
#else

#include <algorithm>
#include <cstring>
#include <exception>
#include <hs/hs.h>
#include <limits>
#include <utility>
#include <vector>

#include <millrace/error.h>

namespace millrace::jobs {
namespace {

struct Free {
  void operator()(hs_database_t* database) const { hs_free_database(database); }
  void operator()(hs_scratch_t* scratch) const { hs_free_scratch(scratch); }
};
using Database = std::unique_ptr<hs_database_t, Free>;

/// The calling thread's working memory. It only grows, to what the largest pattern needs.
hs_scratch_t* scratch_for(const hs_database_t* database) {
  thread_local std::unique_ptr<hs_scratch_t, Free> scratch;
  hs_scratch_t* grown = scratch.release();
  const hs_error_t status = hs_alloc_scratch(database, &grown);
  scratch.reset(grown);
  if (status != HS_SUCCESS) throw Error(Cause::out_of_memory, "no memory for the pattern matcher");
  return grown;
}

/// Null when Hyperscan does not take the pattern.
Database compile(const Pattern& pattern) {
  const unsigned flags = HS_FLAG_MULTILINE | (pattern.fold_case ? HS_FLAG_CASELESS : 0U);
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  if (pattern.fixed) {
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    for (std::size_t begin = 0; begin <= pattern.text.size();) {
      const std::size_t end = std::min(pattern.text.find('\n', begin), pattern.text.size());
      texts.push_back(pattern.text.data() + begin);
      lengths.push_back(end - begin);
      begin = end + 1;
    }
    const std::vector<unsigned> all_flags(texts.size(), flags & ~unsigned{HS_FLAG_MULTILINE});
    const std::vector<unsigned> ids(texts.size(), 0);
    hs_compile_lit_multi(texts.data(), all_flags.data(), ids.data(), lengths.data(),
                         static_cast<unsigned>(texts.size()), HS_MODE_BLOCK, nullptr, &database, &error);
  } else {
    hs_compile(pattern.text.c_str(), flags, HS_MODE_BLOCK, nullptr, &database, &error);
  }
  hs_free_compile_error(error);
  return Database(database);
}

/// Whether the pattern can match the empty text; then it matches where no byte is, and lines cannot be told from ends.
bool matches_nothing(const Pattern& pattern) {
  if (pattern.fixed) {
    const std::string& text = pattern.text;
    return text.empty() || text.front() == '\n' || text.back() == '\n' || text.find("\n\n") != text.npos;
  }
  hs_expr_info_t* info = nullptr;
  hs_compile_error_t* error = nullptr;
  hs_expression_info(pattern.text.c_str(), HS_FLAG_MULTILINE | HS_FLAG_ALLOWEMPTY, &info, &error);
  const bool empty = info == nullptr || info->min_width == 0;
  hs_free_compile_error(error);
  std::free(info);
  return empty;
}

/// Whether a match might hold a newline, or ask for the beginning or end of the whole text. May say yes without need.
bool looks_beyond_line(const Pattern& pattern) {
  if (pattern.fixed) return false;
  const std::string& text = pattern.text;
  bool in_class = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c < ' ') return true;
    if (c == '\\') {
      if (in_class || std::strchr("wdSbBtfr.*+?()[]{}|^$\\/-", next) == nullptr) return true;
      ++i;
    } else if (in_class) {
      if (c == '[') return true;  // [:space:] and the like
      in_class = c != ']';
    } else if (c == '[') {
      if (next == '^' || next == ']') return true;
      in_class = true;
    } else if (c == '(' && next == '?') {
      if (i + 2 >= text.size() || text[i + 2] != ':') return true;
    }
  }
  return false;
}

/// Scans many lines at once and is told where matches end. Each line is visited at the first end in it.
class HyperscanMatcher : public LineMatcher {
 public:
  HyperscanMatcher(Database database, std::unique_ptr<LineMatcher> confirm)
      : database_(std::move(database)), confirm_(std::move(confirm)) {}

  void matching_lines(std::string_view text, const std::function<void(std::string_view)>& visit) const override {
    while (!text.empty()) {
      const std::string_view piece = text.substr(0, piece_size(text));
      Search search{confirm_.get(), piece, &visit, 0, {}};
      hs_scan(database_.get(), piece.data(), static_cast<unsigned>(piece.size()), 0, scratch_for(database_.get()),
              &Search::at_match, &search);
      if (search.failure) std::rethrow_exception(search.failure);
      text.remove_prefix(piece.size());
    }
  }

 private:
  /// Lengths are 32 bits wide there, so a long text is scanned in pieces of whole lines.
  static std::size_t piece_size(std::string_view text) {
    constexpr std::size_t usual = std::size_t{1} << 30;
    if (text.size() <= usual) return text.size();
    const std::size_t newline = text.rfind('\n', usual - 1);
    if (newline != text.npos) return newline + 1;
    const std::size_t end = std::min(text.find('\n', usual), text.size() - 1) + 1;
    if (end > std::numeric_limits<unsigned>::max()) throw Error(Cause::bad_data, "a line is longer than 4 GiB");
    return end;
  }

  struct Search {
    const LineMatcher* confirm;
    std::string_view text;
    const std::function<void(std::string_view)>* visit;
    std::size_t next;  // the lines before it are done with
    std::exception_ptr failure;

    static int at_match(unsigned, unsigned long long, unsigned long long to, unsigned, void* context) {
      auto& self = *static_cast<Search*>(context);
      if (to <= self.next) return 0;
      try {
        self.take_line_of(static_cast<std::size_t>(to) - 1);
        return 0;
      } catch (...) {
        self.failure = std::current_exception();  // must not cross the library
        return 1;
      }
    }
    void take_line_of(std::size_t byte) {
      const std::size_t end = std::min(text.find('\n', byte), text.size());
      const void* before = memrchr(text.data() + next, '\n', byte - next);
      const std::size_t begin =
          before == nullptr ? next : static_cast<std::size_t>(static_cast<const char*>(before) - text.data()) + 1;
      next = end + 1;
      const std::string_view line = text.substr(begin, end - begin);
      if (confirm == nullptr) {
        (*visit)(line);
      } else {
        confirm->matching_lines(line, *visit);
      }
    }
  };

  Database database_;
  std::unique_ptr<LineMatcher> confirm_;  // for patterns whose matches may lie across lines
};

}  // namespace

std::unique_ptr<LineMatcher> make_hyperscan_matcher(const Pattern& pattern) {
  if (hs_valid_platform() != HS_SUCCESS || matches_nothing(pattern)) return nullptr;
  if (!pattern.fixed && pattern.text.find('\0') != pattern.text.npos) return nullptr;
  Database database = compile(pattern);
  if (database == nullptr) return nullptr;
  return std::make_unique<HyperscanMatcher>(std::move(database),
                                            looks_beyond_line(pattern) ? make_re2_matcher(pattern) : nullptr);
}

}  // namespace millrace::jobs
#endif
