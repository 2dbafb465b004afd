// What a task costs by itself: empty_tasks N runs one stage of N tasks that have nothing to do, empty_tasks N US one
// whose tasks compute for so many microseconds of a processor each (time that others take from them does not count),
// empty_tasks N US sleep one whose tasks sleep for so long.
#include <chrono>
#include <cstdint>
#include <ctime>
#include <iostream>
#include <string>
#include <thread>

#include <millrace/millrace.h>

namespace {

std::int64_t processor_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

int main(int argc, char** argv) {
  millrace::Context context(argc, argv);
  if (context.args().empty() || context.args().size() > 3) {
    std::cerr << "usage: empty_tasks N [MICROSECONDS [sleep]] [options of any job]\n";
    return 2;
  }
  const std::uint64_t tasks = std::stoull(context.args().at(0));
  const std::int64_t microseconds = context.args().size() > 1 ? std::stoll(context.args().at(1)) : 0;
  const bool sleep = context.args().size() > 2;
  const auto number = [](std::uint64_t i) { return i; };
  const auto compute = [microseconds, sleep](std::uint64_t) {
    if (sleep) {
      std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    } else if (microseconds > 0) {
      const std::int64_t end = processor_nanoseconds() + microseconds * 1000;
      while (processor_nanoseconds() < end) continue;
    }
    return false;
  };
  std::cout << context.generate(tasks, number, static_cast<std::uint32_t>(tasks)).filter(compute).count() << '\n';
  return 0;
}
