#include "jobs/wordcount/wordcount.h"

#include <functional>

namespace millrace::jobs {

Dataset<WordCount> count_words(Context& context, const std::vector<std::string>& inputs) {
  return context.read_text(inputs)
      .flat_map(words)
      .map([](std::string_view word) {
        return WordCount{word, 1};
      })
      .reduce_by_key(std::plus<>{});
}

}  // namespace millrace::jobs
