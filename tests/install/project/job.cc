#include <functional>
#include <iostream>
#include <string_view>
#include <utility>

#include <millrace/millrace.h>

int main(int argc, char** argv) {
  millrace::Context context(argc, argv);
  auto counts = context.read_text(context.args().at(0))
                    .flat_map(millrace::words)
                    .map([](std::string_view word) {
                      return std::pair{word, std::uint64_t{1}};
                    })
                    .reduce_by_key(std::plus<>{});
  for (auto& [word, count] : counts.top(1, millrace::by_value)) std::cout << count << ' ' << word << '\n';
}
