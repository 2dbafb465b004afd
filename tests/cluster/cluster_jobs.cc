#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <millrace/millrace.h>

// Jobs that meet on the way what the tests of this folder do to runs: they stop at lines of their input, or between two
// actions, until the test lets them go on.

namespace {

using namespace std::string_view_literals;

void wait_for(const std::string& path) {
  while (!std::filesystem::exists(path)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

/// At a line "hold PATH" the task says that it is there, by a file PATH.PID, and waits until PATH exists.
void hold(std::string_view line) {
  constexpr std::string_view mark = "hold ";
  if (!line.starts_with(mark)) return;
  const std::string path(line.substr(mark.size()));
  std::ofstream(path + "." + std::to_string(getpid())).flush();
  wait_for(path);
}

void say(auto&&... words) { (std::cout << ... << words) << std::endl; }

/// count INPUT OUTPUT: how often each word occurs, what the tasks counted, and how often the job's parts ran.
void count(millrace::Context& context) {
  const auto lines = context.accumulator<std::uint64_t>();
  auto counts = context.read_text(context.args().at(1))
                    .map([lines](std::string_view line) {
                      hold(line);
                      lines.add(1);
                      millrace::count("bytes", static_cast<std::int64_t>(line.size()));
                      return line;
                    })
                    .flat_map(millrace::words)
                    .map([](std::string_view word) {
                      return std::pair{word, std::uint64_t{1}};
                    })
                    .reduce_by_key(std::plus<>{});
  counts.sort_by_key().write_text(context.args().at(2));
  say("lines ", lines.value(), " bytes ", context.counter("bytes"));
}

/// order INPUT OUTPUT: the lines in order.
void order(millrace::Context& context) {
  context.read_text(context.args().at(1))
      .sort_by([](std::string_view line) {
        hold(line);
        return line;
      })
      .write_text(context.args().at(2));
}

/// versions INPUT: the sum over all lines of the number in the file "version".
void versions(millrace::Context& context) {
  std::uint64_t version = 0;
  std::ifstream("version") >> version;
  const auto numbers = context.read_text(context.args().at(1)).map([version](std::string_view line) {
    hold(line);
    return version;
  });
  say("sum ", numbers.sum());
}

/// passes INPUT N: sums over a dataset that is cached. After pass I it waits for a file "pass-I". Every process that
/// has parsed something leaves a file "here.PID".
void passes(millrace::Context& context) {
  const auto parsed = context.accumulator<std::uint64_t>();
  const auto numbers = context.read_text(context.args().at(1))
                           .map([parsed](std::string_view line) {
                             parsed.add(1);
                             static const bool said = std::ofstream("here." + std::to_string(getpid())).flush().good();
                             if (!said) std::abort();
                             return static_cast<std::uint64_t>(line.size());
                           })
                           .cache();
  const int count = std::stoi(context.args().at(2));
  for (int pass = 0; pass < count; ++pass) {
    const auto sum = numbers.map([pass](std::uint64_t n) { return n + static_cast<std::uint64_t>(pass); }).sum();
    say("pass ", pass, " sum ", sum, " parsed ", parsed.value());
    wait_for("pass-" + std::to_string(pass));
  }
}

/// elsewhere LEVEL: eight cached partitions, of which those in one process are then in great demand: prints how many of
/// them were read in another process, and how many were computed again. After the first pass it waits for "go".
void elsewhere(millrace::Context& context) {
  constexpr std::uint32_t partitions = 8;
  const auto level = context.args().at(1) == "disk" ? millrace::Persist::disk : millrace::Persist::memory;
  const auto computed = context.accumulator<std::uint64_t>();
  const auto made = context
                        .generate(
                            8000,
                            [computed](std::uint64_t i) {
                              computed.add(1);
                              // Each executor is to have some.
                              if (i % 1000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(300));
                              return std::pair{i, static_cast<std::int64_t>(getpid())};
                            },
                            partitions)
                        .persist(level);
  std::map<std::int64_t, std::uint64_t> makers;
  for (const auto& [i, maker] : made.collect()) ++makers[maker];
  const std::int64_t slow = makers.begin()->first;
  say("computed ", computed.value(), " by ", makers.size(), " processes, slow ", slow);
  wait_for("go");
  struct Visit {
    std::int64_t slow;
    std::pair<bool, std::uint64_t> operator()(const std::pair<std::uint64_t, std::int64_t>& x) const {
      // A partition takes much longer in the process where they lie than the wait for a place there.
      if (x.first % 1000 == 0 && getpid() == slow) std::this_thread::sleep_for(std::chrono::milliseconds(2500));
      return {x.second == slow && getpid() != slow, x.first};
    }
  };
  std::uint64_t there = 0;
  std::uint64_t sum = 0;
  for (const auto& [fetched, i] : made.map(Visit{slow}).collect()) {
    there += fetched ? 1 : 0;
    sum += i;
  }
  say("fetched ", there, " sum ", sum, " computed ", computed.value());
}

/// spread BYTES TASKS: a broadcast value that every task reads, each in a process of its own: none ends before all
/// began.
void spread(millrace::Context& context) {
  const std::string text(std::stoull(context.args().at(1)), 'x');
  const auto tasks = static_cast<std::uint32_t>(std::stoul(context.args().at(2)));
  const auto value = context.broadcast(text);
  const auto sum = context
                       .generate(
                           tasks,
                           [value, tasks](std::uint64_t i) {
                             const std::uint64_t bytes = value->size();
                             std::ofstream("here." + std::to_string(getpid())).flush();
                             std::ofstream("began-" + std::to_string(i)).flush();
                             for (std::uint32_t other = 0; other < tasks; ++other) {
                               wait_for("began-" + std::to_string(other));
                             }
                             return bytes;
                           },
                           tasks)
                       .sum();
  say("sum ", sum);
}

/// crash INPUT: a function crashes its process at a line "poison" while another job of the driver waits at a "hold".
void crash(millrace::Context& context) {
  const auto lines = context.read_text(context.args().at(1));
  std::uint64_t counted = 0;
  std::thread other([&] {
    counted = lines
                  .map([](std::string_view line) {
                    hold(line);
                    return line.size();
                  })
                  .count();
  });
  try {
    lines
        .map([](std::string_view line) {
          if (line == "poison"sv) std::raise(SIGSEGV);
          return line.size();
        })
        .sum();
    say("no crash");
  } catch (const millrace::Error& error) {
    say(error.what());
  }
  other.join();
  say(counted);
}

/// burn INPUT: how many lines there are, each of which takes 10 ms of a processor.
void burn(millrace::Context& context) {
  const auto lines = context.read_text(context.args().at(1)).map([](std::string_view) {
    const auto spent = [] {
      timespec time{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
      return time.tv_sec * 1'000'000'000L + time.tv_nsec;
    };
    for (const auto begin = spent(); spent() - begin < 10'000'000L;) continue;
    return 1;
  });
  say(lines.sum());
}

/// collect INPUT: all lines in the driver.
void collect(millrace::Context& context) { say(context.read_text(context.args().at(1)).collect().size()); }

/// idle: executors and no job, until a file "go" exists.
void idle(millrace::Context&) {
  say("ready");
  wait_for("go");
}

/// An executor says by it on which machine it is; else all that the driver starts are on the driver's.
constexpr const char* machine_variable = "SLURMD_NODENAME";

/// Which executor this process is going to be, when the driver started it as one.
std::optional<unsigned> executor_ticket() {
  const char* seat = std::getenv("MILLRACE_EXECUTOR");
  if (seat == nullptr) return std::nullopt;
  const std::string text = seat;
  return static_cast<unsigned>(std::stoul(text.substr(text.rfind(',') + 1)));
}

/// From here on this process is on another machine, as far as the network is concerned, and out of the driver's reach:
/// what the driver may kill is another one, which waits for this.
void move_to(const std::string& network) {
  const int there = open(network.c_str(), O_RDONLY | O_CLOEXEC);
  setenv(machine_variable, network.c_str(), 1);
  if (there < 0 || setns(there, CLONE_NEWNET) != 0) std::exit(3);
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    return;
  }
  int status = 0;
  waitpid(child, &status, 0);
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/// From here on, what this process sees at `folder` is a disk of 1 MiB, with the small files that lay there before.
void have_small_disk(const std::filesystem::path& folder) {
  std::map<std::filesystem::path, std::string> before;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    before[entry.path()] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  const bool done = unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                    mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=1m") == 0;
  if (!done) std::exit(3);
  setenv(machine_variable, "a machine with a small disk", 1);
  for (const auto& [path, content] : before) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (const char* status = std::getenv("CLUSTER_JOBS_REFUSE"); status != nullptr && executor_ticket()) {
    return std::stoi(status);
  }
  if (const char* disk = std::getenv("CLUSTER_JOBS_SMALL_DISK"); disk != nullptr && executor_ticket() == 0u) {
    have_small_disk(disk);
  }
  if (const char* networks = std::getenv("CLUSTER_JOBS_NETWORKS"); networks != nullptr && executor_ticket()) {
    constexpr unsigned first = 2;  // the driver is machine 1
    move_to(networks + std::to_string(*executor_ticket() + first));
  }
  millrace::Context context(argc, argv);
  const std::string job = context.args().at(0);
  try {
    if (job == "count") count(context);
    if (job == "uncaught") {
      count(context);
      context.read_text("not there").count();
    }
    if (job == "order") order(context);
    if (job == "spread") spread(context);
    if (job == "versions") versions(context);
    if (job == "passes") passes(context);
    if (job == "elsewhere") elsewhere(context);
    if (job == "crash") crash(context);
    if (job == "burn") burn(context);
    if (job == "collect") collect(context);
    if (job == "idle") idle(context);
  } catch (const millrace::Error& error) {
    if (job == "uncaught") throw;
    std::cerr << error.what() << '\n';
    return 1;
  }
}
