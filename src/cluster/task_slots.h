#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "cluster/executors.h"
#include "exec/attempt.h"

namespace millrace::cluster {

/// Threads of this process that run attempts, one each at a time, in the order in which they were pushed. With no
/// threads, whoever calls run_next() runs them. Any thread may call it.
class TaskSlots {
 public:
  struct Listener {
    std::function<void(AttemptEnd)> ended;
    std::function<void(const Launch&)> started{};  ///< may be empty
    std::function<void()> thread_started{};        ///< in every thread that runs attempts; may be empty
  };

  /// `environment` outlives the slots.
  TaskSlots(unsigned threads, exec::Environment& environment, Listener listener);
  /// Waits for the attempts that run; those that wait are not answered.
  ~TaskSlots();
  TaskSlots(const TaskSlots&) = delete;
  TaskSlots& operator=(const TaskSlots&) = delete;

  void push(Launch launch);
  /// An attempt that waits is answered at once, whatever the threads do, by a thread for that; where there are no
  /// threads, when its turn comes. It is not an error when the attempt has ended.
  void kill(const AttemptId& attempt);
  bool run_next();
  void progress(const std::function<void(const AttemptId&, std::uint64_t bytes)>& visit) const;
  /// How many wait for a thread.
  std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
  }
  /// Those that wait are not run, and not answered. Returns them.
  std::vector<AttemptId> forget_waiting();
  /// Waits as long as `patience` until all that run have come to their ends and were answered. Whether they have.
  bool wait_until_idle(std::chrono::milliseconds patience);
  /// Tells all attempts to stop, forgets those that wait, and waits for the others as long as `patience`. Nothing is
  /// answered afterwards.
  void stop(std::chrono::milliseconds patience);

 private:
  struct Waiting {
    Launch launch;
    bool killed = false;
    exec::Attempt* attempt = nullptr;  // while it runs
  };

  void work();
  void refuse(std::unique_ptr<Waiting> task);
  void answer_refused();
  void answer(AttemptEnd end, std::unique_lock<std::mutex>& lock);
  void run_one(std::unique_lock<std::mutex>& lock);
  void run(Waiting& task, AttemptEnd& end);
  void remove_output(const std::string& path);
  void check_shared(const std::string& attempt_directory) const;
  exec::TaskResult try_once(Waiting& task, exec::TaskSpec spec);

  exec::Environment& environment_;
  const Listener listener_;
  mutable std::mutex mutex_;
  std::condition_variable pushed_;
  std::condition_variable ended_;
  std::deque<std::unique_ptr<Waiting>> queue_;
  std::map<AttemptId, Waiting*> running_;
  std::deque<std::unique_ptr<Waiting>> refused_;  // were killed while they waited, and are not answered yet
  std::condition_variable refused_some_;
  std::size_t answering_ = 0;  // attempts that have ended and are being answered
  bool stopping_ = false;
  std::vector<std::thread> threads_;
  std::thread refusing_;  // from the first attempt on that is killed while it waits
};

}  // namespace millrace::cluster
