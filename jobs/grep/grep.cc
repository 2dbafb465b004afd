#include "jobs/grep/grep.h"

#include <functional>

#include "jobs/grep/compiled_pattern.h"

namespace millrace::jobs {
namespace {

struct PrintMatches {
  using element = std::string_view;
  static constexpr bool whole_buffers = true;
  Broadcast<CompiledPattern> pattern;
  bool with_path;

  template <class Emit>
  void operator()(std::string_view text, Emit& emit) const {
    std::string found;
    const std::string prefix = with_path ? std::string(input_path()) + ':' : std::string();
    pattern->matcher->matching_lines(text, [&](std::string_view line) { found.append(prefix).append(line) += '\n'; });
    if (!found.empty()) emit(std::string_view(found));
  }
};

struct CountMatches {
  using element = std::pair<std::string_view, std::uint64_t>;
  static constexpr bool whole_buffers = true;
  Broadcast<CompiledPattern> pattern;

  template <class Emit>
  void operator()(std::string_view text, Emit& emit) const {
    element found{input_path(), 0};
    pattern->matcher->matching_lines(text, [&](std::string_view) { ++found.second; });
    if (found.second != 0) emit(found);
  }
};

}  // namespace

Dataset<std::string_view> matching_text(Context& context, const Pattern& pattern,
                                        const std::vector<std::string>& inputs, bool with_path) {
  return context.read_text(inputs).flat_map(PrintMatches{context.broadcast(CompiledPattern(pattern)), with_path});
}

Dataset<std::pair<std::string_view, std::uint64_t>> matches_per_file(Context& context, const Pattern& pattern,
                                                                     const std::vector<std::string>& inputs) {
  return context.read_text(inputs)
      .flat_map(CountMatches{context.broadcast(CompiledPattern(pattern))})
      .reduce_by_key(std::plus<>{});
}

}  // namespace millrace::jobs
