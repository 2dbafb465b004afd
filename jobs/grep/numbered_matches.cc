#include <algorithm>

#include "jobs/grep/compiled_pattern.h"
#include "jobs/grep/grep.h"

namespace millrace::jobs {
namespace {

struct NumberMatches {
  using element = NumberedHits;
  static constexpr bool whole_buffers = true;
  Broadcast<CompiledPattern> pattern;

  template <class Emit>
  void operator()(std::string_view text, Emit& emit) const {
    NumberedHits found{input_path(), TaskContext::current()->input_offset(), 0, {}};
    const char* counted = text.data();
    const auto count_to = [&](const char* end) {
      found.lines += static_cast<std::uint64_t>(std::count(counted, end, '\n'));
      counted = end;
    };
    pattern->matcher->matching_lines(text, [&](std::string_view line) {
      count_to(line.data());
      found.hits.emplace_back(found.lines + 1, line);
    });
    count_to(text.data() + text.size());
    if (text.back() != '\n') ++found.lines;
    emit(std::move(found));
  }
};

}  // namespace

Dataset<NumberedHits> numbered_matches(Context& context, const Pattern& pattern,
                                       const std::vector<std::string>& inputs) {
  return context.read_text(inputs).flat_map(NumberMatches{context.broadcast(CompiledPattern(pattern))});
}

}  // namespace millrace::jobs
