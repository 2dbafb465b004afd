#include <cstdint>
#include <functional>
#include <iostream>
#include <string_view>
#include <utility>

#include <millrace/millrace.h>

// A job as a user would write it: the ten most frequent words of some texts, and all of them, sorted, in a directory.

namespace {

bool has_letter(std::string_view word) {
  for (const char c : word)
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  millrace::Context context(argc, argv);
  auto counts = context.read_text(context.args().at(0))
                    .flat_map(millrace::words)
                    .filter(has_letter)
                    .map([](std::string_view word) {
                      return std::pair{word, std::uint64_t{1}};
                    })
                    .reduce_by_key(std::plus<>{});
  for (auto& [word, count] : counts.top(10, millrace::by_value)) std::cout << count << '\t' << word << '\n';
  counts.sort_by_key().write_text(context.args().at(1));
}
