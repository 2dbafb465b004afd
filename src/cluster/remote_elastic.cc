#include <algorithm>

#include "cluster/remote_executors.h"
#include "cluster/wire.h"

// Executors that come and go while the run goes on.

namespace millrace::cluster {

std::vector<ElasticExecutors::Member> RemoteExecutors::members() const {
  const std::lock_guard lock(mutex_);
  std::vector<Member> out;
  for (const auto& [id, connection] : connections_) {
    out.push_back({id, added_.is_added(connection->ticket), !connection->given_back.empty()});
  }
  return out;
}

std::uint32_t RemoteExecutors::outstanding() const {
  const std::lock_guard lock(mutex_);
  return added_.outstanding();
}

std::vector<bool> RemoteExecutors::holders() const {
  const std::lock_guard lock(mutex_);
  std::vector<bool> out(next_executor_);
  for (const auto& [shuffle, known] : shuffles_) {
    for (const ExecutorId executor : known.made) {
      if (executor != nobody) out.at(executor.value) = true;
    }
  }
  for (const auto& [node, partitions] : cached_) {
    for (const auto& [partition, executors] : partitions) {
      for (const auto& [executor, bytes] : executors) out.at(executor.value) = true;
    }
  }
  return out;
}

void RemoteExecutors::ask(std::uint32_t count) {
  std::vector<std::uint32_t> tickets;
  {
    const std::lock_guard lock(mutex_);
    tickets = added_.ask(count);
  }
  try {
    launcher_->ask(tickets);
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    for (const std::uint32_t ticket : tickets) added_.ended(ticket, error.what());
  }
}

void RemoteExecutors::withdraw(std::uint32_t count) {
  std::vector<std::uint32_t> tickets;
  {
    const std::lock_guard lock(mutex_);
    tickets = added_.withdraw(count);
  }
  for (const std::uint32_t ticket : tickets) launcher_->withdraw(ticket);
}

void RemoteExecutors::give_back(ExecutorId executor, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  Connection* connection = find(executor);
  if (connection == nullptr || !connection->given_back.empty()) return;
  connection->given_back = "it was given back: " + reason;
  rpc::append_frame(connection->out, rpc::Leave{run_over});
  wake();
}

std::vector<std::string> RemoteExecutors::take_refusals() {
  const std::lock_guard lock(mutex_);
  return added_.take_refusals();
}

}  // namespace millrace::cluster
