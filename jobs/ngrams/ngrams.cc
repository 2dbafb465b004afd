#include "jobs/ngrams/ngrams.h"

#include <functional>

namespace millrace::jobs {
namespace {

struct NgramsOfLines {
  using element = NgramCount;
  static constexpr bool whole_buffers = true;
  std::uint32_t n;

  template <class Emit>
  void operator()(std::string_view text, Emit& emit) const {
    std::vector<std::string_view> last(n);  // the n latest words of the line, the oldest where the next one goes
    std::size_t next = 0;
    std::string joined;
    std::size_t in_line = 0;   // words of this line so far
    std::size_t adjacent = 0;  // how many of the latest words have but one blank before them
    const char* end = text.data();
    words(text, [&](std::string_view word) {
      const std::string_view gap(end, static_cast<std::size_t>(word.data() - end));
      adjacent = gap.size() == 1 && gap.front() == ' ' ? adjacent + 1 : 0;
      if (adjacent == 0 && gap.find('\n') != gap.npos) in_line = 0;
      end = word.data() + word.size();
      last[next] = word;
      if (++next == n) next = 0;
      if (++in_line < n) return;
      const char* const begin = last[next].data();
      if (adjacent + 1 >= n) return emit(NgramCount{{begin, static_cast<std::size_t>(end - begin)}, 1});
      joined.clear();
      for (std::size_t i = next; i < next + n; ++i) joined.append(i == next ? "" : " ").append(last[i % n]);
      emit(NgramCount{joined, 1});
    });
  }
};

}  // namespace

Dataset<NgramCount> count_ngrams(Context& context, const std::vector<std::string>& inputs, std::uint32_t n) {
  if (n == 0) throw Error(Cause::usage, "n-grams have at least one word");
  return context.read_text(inputs).flat_map(NgramsOfLines{n}).reduce_by_key(std::plus<>{});
}

}  // namespace millrace::jobs
