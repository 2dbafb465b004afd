#include "jobs/grep/grep.h"

#include <functional>

#include "jobs/grep/compiled_pattern.h"

namespace millrace::jobs {
namespace {

struct MatchingLines {
  using element = std::string_view;
  static constexpr bool whole_buffers = true;
  Broadcast<CompiledPattern> pattern;

  template <class Emit>
  void operator()(std::string_view text, Emit& emit) const {
    pattern->matcher->matching_lines(text, [&](std::string_view line) { emit(line); });
  }
};

}  // namespace

Dataset<Hit> matching_lines(Context& context, const Pattern& pattern, const std::vector<std::string>& inputs) {
  const MatchingLines matching{context.broadcast(CompiledPattern(pattern))};
  return context.read_text(inputs).flat_map(matching).map([](std::string_view line) {
    return Hit{input_path(), line};
  });
}

Dataset<std::pair<std::string_view, std::uint64_t>> matches_per_file(Context& context, const Pattern& pattern,
                                                                     const std::vector<std::string>& inputs) {
  const MatchingLines matching{context.broadcast(CompiledPattern(pattern))};
  return context.read_text(inputs)
      .flat_map(matching)
      .map([](std::string_view) { return std::pair(input_path(), std::uint64_t{1}); })
      .reduce_by_key(std::plus<>{});
}

}  // namespace millrace::jobs
