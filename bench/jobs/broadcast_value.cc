// What a broadcast value costs: broadcast_value MEGABYTES TASKS gives so many tasks, that all run for a quarter of a
// second, a value of so many megabytes, which each of them adds up. The event log says what the driver sent of it.
#include <chrono>
#include <cstdint>
#include <iostream>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <millrace/millrace.h>

int main(int argc, char** argv) {
  millrace::Context context(argc, argv);
  if (context.args().size() != 2) {
    std::cerr << "usage: broadcast_value MEGABYTES TASKS [options of any job]\n";
    return 2;
  }
  constexpr std::size_t megabyte = std::size_t{1} << 20;
  const std::vector<std::uint64_t> numbers(std::stoull(context.args().at(0)) * megabyte / sizeof(std::uint64_t), 1);
  const std::uint32_t tasks = static_cast<std::uint32_t>(std::stoul(context.args().at(1)));
  const auto value = context.broadcast(numbers);
  const auto add_up = [value](std::uint64_t) {
    const std::vector<std::uint64_t>& all = *value;
    const std::uint64_t sum = std::accumulate(all.begin(), all.end(), std::uint64_t{0});
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    return sum;
  };
  const std::uint64_t sum = context.generate(tasks, add_up, tasks).sum();
  if (sum != tasks * numbers.size()) {
    std::cerr << "broadcast_value: a task saw another value\n";
    return 1;
  }
  std::cout << sum << '\n';
  return 0;
}
