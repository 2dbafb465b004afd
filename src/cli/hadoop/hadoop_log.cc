#include "cli/hadoop/hadoop_log.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fmt/format.h>
#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace millrace::cli {
namespace {

constexpr std::string_view job_logger = "mapreduce.Job";

int percent(std::uint32_t done, std::uint32_t all) {
  return all == 0 ? 0 : static_cast<int>(std::uint64_t{std::min(done, all)} * 100 / all);
}

std::string timestamp() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02},{:03}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec, milliseconds);
}

}  // namespace

void HadoopLog::log(std::string_view level, std::string_view logger, std::string_view message) {
  errors_ << timestamp() << ' ' << level << ' ' << logger << ": " << message << std::endl;
}

void HadoopLog::started(const jobs::stream::StreamStart& start) {
  const std::lock_guard lock(mutex_);
  job_ = start;
  info("impl.YarnClientImpl", "Submitted application " + start.names.application());
  info(job_logger, "Running job: " + start.names.job());
  progress();
}

void HadoopLog::progress() {
  const int maps = percent(maps_done_, job_.maps);
  const int reduces = percent(reduces_done_, job_.reduces);
  if (std::exchange(shown_, maps * 1000 + reduces) == shown_) return;
  info(job_logger, fmt::format(" map {}% reduce {}%", maps, reduces));
}

void HadoopLog::succeeded(bool is_map, std::uint32_t) {
  const std::lock_guard lock(mutex_);
  ++(is_map ? maps_done_ : reduces_done_);
  progress();
}

void HadoopLog::failed(bool is_map, std::uint32_t partition, std::uint32_t attempt, const std::string& why) {
  const std::lock_guard lock(mutex_);
  info(job_logger,
       fmt::format("Task Id : {}, Status : FAILED\nError: {}", job_.names.attempt(is_map, partition, attempt), why));
}

void HadoopLog::completed(const jobs::stream::CounterList& counters) {
  const std::lock_guard lock(mutex_);
  maps_done_ = job_.maps;
  reduces_done_ = job_.reduces;
  progress();
  info(job_logger, fmt::format("Job {} completed successfully", job_.names.job()));
  std::map<std::string, std::vector<std::string>> groups;
  for (const auto& [name, amount] : counters) {
    const std::size_t comma = name.find(',');
    groups[name.substr(0, comma)].push_back(fmt::format("{}={}", name.substr(comma + 1), amount));
  }
  std::string text = fmt::format("Counters: {}", counters.size());
  for (const auto& [group, lines] : groups) {
    text += "\n\t" + group;
    for (const std::string& line : lines) text += "\n\t\t" + line;
  }
  info(job_logger, text);
}

void HadoopLog::job_failed(std::string_view why) {
  const std::lock_guard lock(mutex_);
  if (job_.names.stamp != 0)
    info(job_logger, fmt::format("Job {} failed with state FAILED due to: {}", job_.names.job(), why));
}

}  // namespace millrace::cli
