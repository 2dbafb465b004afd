#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "cluster/executor_process.h"
#include "cluster/process_launcher.h"
#include "cluster/slurm_requests.h"

// A step of Slurm, as its tasks see it: `srun -N4 -n8 ./job` starts the same program eight times. Task 0 becomes the
// driver (and starts an executor beside itself), all others become executors.

namespace millrace::cluster {

/// What the environment says of this task. Slurm's environment variables: srun(1), "OUTPUT ENVIRONMENT VARIABLES".
struct SlurmTask {
  std::uint32_t rank = 0;
  std::uint32_t tasks = 1;
  std::string job;
  std::string step;
  std::string node;        ///< this task's
  std::string first_node;  ///< task 0's

  std::string name() const { return job + "." + step; }
};

/// Nothing when this process is no task of a step, or of one of fewer tasks.
std::optional<SlurmTask> slurm_task(std::uint32_t fewest_tasks = 2);

/// The switches above this node, where Slurm's topology is configured; else empty.
std::string slurm_rack();

/// The address of a node, as Slurm knows it: its own name need not have one.
std::string slurm_node_address(const std::string& node);

/// Where the tasks of a step meet: task 0 opens it on one of a few ports that follow from the step's name, and tells
/// every task of the same user, which it knows by munge, where the driver is and what the run's secret is. It holds
/// as long as the object.
class SlurmGate {
 public:
  SlurmGate(const SlurmTask& task, const std::string& host, const rpc::Address& driver,
            const rpc::Membership& membership);
  ~SlurmGate();
  SlurmGate(const SlurmGate&) = delete;
  SlurmGate& operator=(const SlurmGate&) = delete;

  /// An executor beyond the step's tasks may ask with this ticket as its rank, or no longer.
  void expect(std::uint32_t ticket);
  void forget(std::uint32_t ticket);

  /// The run is over: says so to the tasks that come only now, and in a short run waits for them, so that they do not
  /// look for task 0 in vain.
  void close();

 private:
  struct Caller {
    rpc::Socket socket;
    std::thread thread;
    std::atomic<bool> answered = false;
  };

  void serve();
  void hear(Caller& caller);
  void answer(rpc::Socket& socket);

  const SlurmTask task_;
  const rpc::Address driver_;
  const rpc::Membership membership_;
  const std::chrono::steady_clock::time_point opened_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::condition_variable came_;
  std::set<std::uint32_t> heard_;     // ranks
  std::set<std::uint32_t> expected_;  // tickets
  bool over_ = false;
  rpc::Listener listener_;
  std::list<Caller> callers_;  // of the thread: one that is silent keeps nobody waiting
  std::thread thread_;
};

/// Task 0's executor beside itself. Those of the step's other tasks were started by Slurm, and are not replaced; others
/// are asked of Slurm as jobs of their own.
class SlurmLauncher final : public Launcher {
 public:
  SlurmLauncher(const SlurmTask& task, unsigned cpus, std::unique_ptr<SlurmGate> gate,
                std::unique_ptr<RunDirectory> directory)
      : step_tasks_(task.tasks), gate_(std::move(gate)), beside_(std::move(directory)), requests_(task, cpus) {}

  void launch(std::uint32_t ticket) override { beside_.launch(ticket); }
  std::vector<std::pair<std::uint32_t, std::string>> ended() override;
  void kill(std::uint32_t ticket) override;
  void finish(std::chrono::milliseconds patience) override;
  bool replaces() const override { return true; }
  void ask(const std::vector<std::uint32_t>& tickets) override;
  void withdraw(std::uint32_t ticket) override;
  std::string last_words(std::uint32_t ticket) override { return beside_.last_words(ticket); }

 private:
  const std::uint32_t step_tasks_;
  const std::unique_ptr<SlurmGate> gate_;
  ProcessLauncher beside_;
  SlurmRequests requests_;
};

/// The seat of a task that is not task 0; nothing when the run is over already. Waits until task 0 is there. Throws
/// Error(lost_node) when it does not come.
std::optional<Seat> seat_in_slurm(const SlurmTask& task);

/// The seat of an executor that a driver asked of Slurm: `place` is what stands in its variable, STEP,NODE,TICKET.
/// Nothing when it is not wanted any more, or the driver's step has ended. Throws Error(lost_node) when it does not
/// find the driver, Error(usage) for another `place`.
std::optional<Seat> seat_of_added(const std::string& place);

}  // namespace millrace::cluster
