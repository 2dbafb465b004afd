#include "jobs/ngrams/ngrams.h"

#include <functional>

namespace millrace::jobs {
namespace {

struct NgramsOfLine {
  std::uint32_t n;

  template <class Emit>
  void operator()(std::string_view line, Emit& emit) const {
    thread_local std::string text;                 // the line with single blanks
    thread_local std::vector<std::size_t> starts;  // where its words begin
    text.clear();
    starts.clear();
    words(line, [](std::string_view word) {
      starts.push_back(text.size());
      text.append(word).push_back(' ');
    });
    starts.push_back(text.size());
    for (std::size_t i = 0; i + n < starts.size(); ++i)
      emit(NgramCount{{text.data() + starts[i], starts[i + n] - 1 - starts[i]}, 1});
  }
};

}  // namespace

Dataset<NgramCount> count_ngrams(Context& context, const std::vector<std::string>& inputs, std::uint32_t n) {
  if (n == 0) throw Error(Cause::usage, "n-grams have at least one word");
  return context.read_text(inputs).flat_map<NgramCount>(NgramsOfLine{n}).reduce_by_key(std::plus<>{});
}

}  // namespace millrace::jobs
