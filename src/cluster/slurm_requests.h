#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace millrace::cluster {

struct SlurmTask;

/// Executors asked of Slurm while a run goes on: jobs of one task each, arrays of them where several are asked for at
/// once. A controller may take its time to answer, so that a thread of this object's own speaks with it; no function
/// but finish() waits.
///
/// All of a driver's requests are jobs of one name, by which whatever is left of them can be cancelled: at the end of
/// the run, by the batch script of `millrace submit`, and by an executor that was granted when the driver has died.
class SlurmRequests {
 public:
  /// `cpus` of each executor.
  SlurmRequests(const SlurmTask& driver, unsigned cpus);
  ~SlurmRequests();
  SlurmRequests(const SlurmRequests&) = delete;
  SlurmRequests& operator=(const SlurmRequests&) = delete;

  /// Tickets that follow on one another.
  void ask(const std::vector<std::uint32_t>& tickets);
  /// Cancels the job, whatever it is doing.
  void withdraw(std::uint32_t ticket);
  /// Whose job is no longer there, or never was, since it was asked last, and why.
  std::vector<std::pair<std::uint32_t, std::string>> ended();
  /// Cancels what waits in the queue, and after `patience` what still runs.
  void finish(std::chrono::milliseconds patience);

 private:
  struct Asked {
    std::string job;  // as scancel(1) takes it: ARRAY_INDEX
    std::string log;
  };

  void work();
  void queue(std::function<void()> command);
  void submit(std::uint32_t first, std::uint32_t count);
  void cancel(std::uint32_t ticket);
  void look();
  void drop(std::uint32_t ticket, const std::string& how);

  const std::string name_;
  const std::string driver_;  // its step and its node, as an executor's variable has them
  const unsigned cpus_;
  const std::string folder_;              // where executors log; empty: nowhere
  std::map<std::uint32_t, Asked> asked_;  // of the thread, and of finish() behind it

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> commands_;
  std::vector<std::pair<std::uint32_t, std::string>> ended_;
  bool stopping_ = false;
  std::thread thread_;  // from the first request on
};

/// The name of the jobs that the driver in this step asks for.
std::string slurm_requests_name(const std::string& step);
/// Cancels those that wait in the queue.
void cancel_waiting_requests(const std::string& name);

}  // namespace millrace::cluster
