#pragma once

#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include <millrace/codec.h>

#include "jobs/grep/line_matcher.h"

namespace millrace {

namespace jobs {
/// A pattern that is compiled once in each process.
struct CompiledPattern {
  Pattern pattern;
  std::shared_ptr<const LineMatcher> matcher;
  explicit CompiledPattern(Pattern p) : pattern(std::move(p)), matcher(make_line_matcher(pattern)) {}
};
}  // namespace jobs

template <>
struct Codec<jobs::CompiledPattern> {
  using Fields = std::tuple<std::string, bool, bool, bool, bool, bool>;
  static Fields fields(const jobs::CompiledPattern& c) {
    const jobs::Pattern& p = c.pattern;
    return {p.text, p.fixed, p.fold_case, p.word, p.line, p.invert};
  }
  static std::size_t size(const jobs::CompiledPattern& c) { return Codec<Fields>::size(fields(c)); }
  static std::byte* encode(const jobs::CompiledPattern& c, std::byte* out) {
    return Codec<Fields>::encode(fields(c), out);
  }
  static jobs::CompiledPattern decode(const std::byte*& at, const std::byte* end) {
    auto [text, fixed, fold_case, word, line, invert] = Codec<Fields>::decode(at, end);
    return jobs::CompiledPattern({std::move(text), fixed, fold_case, word, line, invert});
  }
  static void skip(const std::byte*& at, const std::byte* end) { Codec<Fields>::skip(at, end); }
};

}  // namespace millrace
