#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "exec/stores.h"
#include "storage/local_file_system.h"

// What the benchmarks of this folder run their kernels in. Included by *_bench.cc alone.

namespace millrace::exec {

/// The engine's side of one task that runs no stage's code.
class LoneTask {
 public:
  explicit LoneTask(std::uint64_t budget = std::uint64_t{4} << 30, Carrier carrier = Carrier::memory)
      : stores_(budget, 1, storage::local_file_system(), std::filesystem::temp_directory_path().string(), carrier),
        attempt_(stores_.environment, spec()) {}

  TaskContext& context() { return attempt_; }
  BlockStore& blocks() { return stores_.blocks; }

 private:
  TaskSpec spec() {
    stage_.partitions = {0};
    TaskSpec spec;
    spec.stage = &stage_;
    return spec;
  }

  Stores stores_;
  plan::Stage stage_;
  Attempt attempt_;
};

/// Words of 1 to 12 letters, `distinct` different ones, each as likely as the inverse of its rank; from a fixed seed.
/// They are views into `text`.
inline std::vector<std::string_view> skewed_words(std::size_t count, std::size_t distinct, std::string& text) {
  std::mt19937_64 random(1);
  std::vector<std::string> vocabulary(distinct);
  for (std::size_t rank = 0; rank < distinct; ++rank) {
    std::string& word = vocabulary[rank];
    for (std::size_t rest = rank + 1; rest != 0; rest /= 26) word += static_cast<char>('a' + rest % 26);
    word.append(random() % 8, 'x');
  }
  std::vector<std::size_t> ends;
  std::uniform_real_distribution<double> uniform;
  for (std::size_t i = 0; i < count; ++i) {
    const double rank = std::pow(static_cast<double>(distinct), uniform(random));  // density 1 / rank
    text += vocabulary[std::min(static_cast<std::size_t>(rank), distinct) - 1];
    ends.push_back(text.size());
    text += ' ';
  }
  std::vector<std::string_view> words;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    words.push_back(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

}  // namespace millrace::exec
