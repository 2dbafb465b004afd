// What a task costs by itself: empty_tasks N runs one stage of N tasks that have nothing to do.
#include <cstdint>
#include <iostream>
#include <string>

#include <millrace/millrace.h>

int main(int argc, char** argv) {
  millrace::Context context(argc, argv);
  if (context.args().size() != 1) {
    std::cerr << "usage: empty_tasks N [options of any job]\n";
    return 2;
  }
  const std::uint64_t tasks = std::stoull(context.args().at(0));
  const auto number = [](std::uint64_t i) { return i; };
  const auto nothing = [](std::uint64_t) { return false; };
  std::cout << context.generate(tasks, number, static_cast<std::uint32_t>(tasks)).filter(nothing).count() << '\n';
  return 0;
}
