#include "cluster/make_executors.h"

#include <algorithm>
#include <fmt/format.h>

#include "cluster/host_launcher.h"
#include "cluster/local_executors.h"
#include "cluster/remote_executors.h"
#include "cluster/slurm.h"
#include "cluster/succession.h"

namespace millrace::cluster {
namespace {

RemoteSettings settings_of(const Options& options) {
  RemoteSettings settings;
  settings.patience = std::chrono::milliseconds(options.executor_timeout_ms);
  settings.heartbeat = std::min(settings.heartbeat, settings.patience / 5);
  return settings;
}

// Executors of an earlier driver know the secret that it had.
rpc::Membership membership_of(const Options& options, const RunJournal* journal) {
  return {journal == nullptr ? rpc::make_secret() : Succession(journal->directory()).secret(), options.tls};
}

std::optional<std::uint32_t> life_of(const RunJournal* journal) {
  return journal == nullptr ? std::nullopt : std::optional(journal->restarts());
}

const exec::KeptOutputs* kept(const RunJournal* journal) { return journal == nullptr ? nullptr : &journal->outputs(); }

// Of the run's directory: with the journal it goes when the run has succeeded, whatever became of its drivers.
const std::string& place_of(const Options& options, const RunJournal* journal) {
  return journal == nullptr ? options.tmp : journal->directory();
}

std::unique_ptr<RunDirectory> open_directory(const std::string& place, const rpc::Membership& membership,
                                             const rpc::Address& driver) {
  auto directory = std::make_unique<RunDirectory>(place, membership);
  directory->publish(driver);
  return directory;
}

std::unique_ptr<Executors> on_this_machine(const Options& options, storage::FileSystem& files,
                                           const RunJournal* journal) {
  RemoteSettings settings = settings_of(options);
  settings.executors = settings.launched = std::max(options.workers, 1u);
  settings.listen = {options.listen.empty() ? "127.0.0.1" : options.listen, 0};
  settings.life = life_of(journal);
  settings.one_machine = options.max_executors == 0;
  settings.adopts_for_launcher = true;
  const rpc::Membership membership = membership_of(options, journal);
  auto executors = std::make_unique<RemoteExecutors>(options, settings, membership, files, kept(journal));
  executors->set_launcher(
      std::make_unique<ProcessLauncher>(open_directory(place_of(options, journal), membership, executors->address())));
  return executors;
}

std::unique_ptr<Executors> on_hosts(const Options& options, storage::FileSystem& files, const RunJournal* journal) {
  RemoteSettings settings = settings_of(options);
  settings.executors = settings.launched = static_cast<std::uint32_t>(options.hosts.size());
  const rpc::Membership membership{rpc::make_secret(), true};
  auto executors = std::make_unique<RemoteExecutors>(options, settings, membership, files, kept(journal));
  auto listen = [here = executors.get(), wanted = options.listen](const std::string& seen) {
    try {
      return here->listen_on(wanted.empty() ? seen : wanted);
    } catch (const Error& error) {
      throw Error(Cause::usage, fmt::format("it sees this machine at {}: {}; name an address with --listen at which "
                                            "hosts reach it",
                                            seen, error.what()));
    }
  };
  executors->set_launcher(
      std::make_unique<HostLauncher>(HostSettings{options.hosts, options.ssh, options.tmp}, membership, listen));
  return executors;
}

std::unique_ptr<Executors> in_slurm_step(const SlurmTask& task, const Options& options, storage::FileSystem& files,
                                         const RunJournal* journal) {
  RemoteSettings settings = settings_of(options);
  settings.executors = task.tasks;
  settings.listen = {slurm_node_address(task.node), 0};
  settings.life = life_of(journal);
  const rpc::Membership membership = membership_of(options, journal);
  auto executors = std::make_unique<RemoteExecutors>(options, settings, membership, files, kept(journal));
  auto directory = open_directory(place_of(options, journal), membership, executors->address());
  auto gate = std::make_unique<SlurmGate>(task, settings.listen.host, executors->address(), membership);
  executors->set_launcher(
      std::make_unique<SlurmLauncher>(task, std::max(options.threads, 1u), std::move(gate), std::move(directory)));
  return executors;
}

}  // namespace

std::unique_ptr<Executors> make_executors(const Options& options, storage::FileSystem& files,
                                          const RunJournal* journal) {
  if (!options.hosts.empty()) return on_hosts(options, files, journal);
  if (options.workers != 0) return on_this_machine(options, files, journal);
  if (options.threads != 0) {
    const std::uint32_t fewest_tasks = options.max_executors != 0 ? 1 : 2;
    if (const auto task = slurm_task(fewest_tasks)) return in_slurm_step(*task, options, files, journal);
    if (options.max_executors != 0) return on_this_machine(options, files, journal);
  }
  return std::make_unique<LocalExecutors>(options, files, kept(journal));
}

}  // namespace millrace::cluster
