#include "cluster/make_executors.h"

#include <algorithm>
#include <cstdlib>

#include "cluster/local_executors.h"
#include "cluster/remote_executors.h"
#include "cluster/slurm.h"

namespace millrace::cluster {
namespace {

RemoteSettings settings_of(const Options& options) {
  RemoteSettings settings;
  settings.patience = std::chrono::milliseconds(options.executor_timeout_ms);
  settings.heartbeat = std::min(settings.heartbeat, settings.patience / 5);
  return settings;
}

const exec::KeptOutputs* kept(const RunJournal* journal) { return journal == nullptr ? nullptr : &journal->outputs(); }

// Of the run's directory: with the journal it goes when the run has succeeded, whatever became of its drivers.
const std::string& place_of(const Options& options, const RunJournal* journal) {
  return journal == nullptr ? options.tmp : journal->directory();
}

std::unique_ptr<RunDirectory> open_directory(const std::string& place, const rpc::Secret& secret,
                                             const rpc::Address& driver) {
  auto directory = std::make_unique<RunDirectory>(place, secret);
  directory->publish(driver);
  return directory;
}

std::unique_ptr<Executors> on_this_machine(const Options& options, storage::FileSystem& files,
                                           const RunJournal* journal) {
  RemoteSettings settings = settings_of(options);
  settings.executors = settings.launched = options.workers;
  const char* const listen = std::getenv("MILLRACE_LISTEN");
  settings.listen = {listen != nullptr ? listen : "127.0.0.1", 0};
  const rpc::Secret secret = rpc::make_secret();
  auto executors = std::make_unique<RemoteExecutors>(options, settings, secret, files, kept(journal));
  executors->set_launcher(
      std::make_unique<ProcessLauncher>(open_directory(place_of(options, journal), secret, executors->address())));
  return executors;
}

std::unique_ptr<Executors> in_slurm_step(const SlurmTask& task, const Options& options, storage::FileSystem& files,
                                         const RunJournal* journal) {
  RemoteSettings settings = settings_of(options);
  settings.executors = task.tasks;
  settings.listen = {slurm_node_address(task.node), 0};
  const rpc::Secret secret = rpc::make_secret();
  auto executors = std::make_unique<RemoteExecutors>(options, settings, secret, files, kept(journal));
  auto directory = open_directory(place_of(options, journal), secret, executors->address());
  auto gate = std::make_unique<SlurmGate>(task, settings.listen.host, executors->address(), secret);
  executors->set_launcher(std::make_unique<SlurmLauncher>(std::move(gate), std::move(directory)));
  return executors;
}

}  // namespace

std::unique_ptr<Executors> make_executors(const Options& options, storage::FileSystem& files,
                                          const RunJournal* journal) {
  if (options.workers != 0) return on_this_machine(options, files, journal);
  if (options.threads != 0) {
    if (const auto task = slurm_task()) return in_slurm_step(*task, options, files, journal);
  }
  return std::make_unique<LocalExecutors>(options, files, kept(journal));
}

}  // namespace millrace::cluster
