#include <algorithm>
#include <fmt/format.h>

#include "cluster/remote_executors.h"
#include "cluster/wire.h"
#include "exec/broadcast_store.h"
#include "storage/spill_file.h"

// Executors that an earlier driver of the run has left, which still run what it launched. They are waited for before
// anything else: what they run is not launched again.

namespace millrace::cluster {

// Those that live look for the notice several times a second. One that does not come for as long as an executor may be
// silent is not waited for, and turned away if it comes later: what it runs will have been launched again.
void RemoteExecutors::adopt_survivors() {
  const Succession succession(stores_.environment.kept->directory());
  {
    const std::lock_guard lock(mutex_);
    survivors_ = succession.survivors();
    for (const auto& [id, survivor] : survivors_) next_executor_ = std::max(next_executor_, id.value + 1);
  }
  succession.announce({*settings_.life, membership_.tls, address_});
  const auto end = Clock::now() + settings_.patience;
  while (some_may_come() && Clock::now() < end && turn()) {
  }
  const std::lock_guard lock(mutex_);
  survivors_.clear();
  for (auto& [ticket, process] : adopted_) launcher_->adopt(ticket, std::move(process));
}

bool RemoteExecutors::some_may_come() {
  const Succession succession(stores_.environment.kept->directory());
  const std::lock_guard lock(mutex_);
  std::erase_if(survivors_, [&](const auto& each) { return !succession.lives(each.first); });
  return (!survivors_.empty() || rejoining_ != 0) && !stopping_;
}

// On a thread of the server's.
void RemoteExecutors::rejoin(rpc::Socket socket, const rpc::Rejoin& message) {
  if (!is_of_this_build(socket, message.join)) return;
  auto connection = std::make_shared<Connection>(message.join);
  connection->id = ExecutorId{message.executor};
  sched::ExecutorAdded here{connection->id, message.slots, connection->host, connection->rack};
  std::map<AttemptId, std::uint64_t> fingerprints;
  for (const auto& [attempt, fingerprint] : message.running) fingerprints[attempt_of(attempt)] = fingerprint;
  for (const auto& [attempt, fingerprint] : fingerprints) {
    here.running.push_back(attempt);
    connection->unclaimed.insert(attempt);
  }
  connection->broadcasts.insert(message.broadcasts.begin(), message.broadcasts.end());
  std::string surplus;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || !survivors_.contains(connection->id)) return socket.send(rpc::frame(rpc::Leave{run_over}));
    surplus = seat(*connection, message);
    connection->surplus = !surplus.empty();
    survivors_.erase(connection->id);
    if (connection->surplus && here.running.empty()) return socket.send(rpc::frame(rpc::Leave{run_over}));
    ++rejoining_;
  }
  try {
    take_in(std::move(socket), connection, here, fingerprints, surplus);
  } catch (const Error&) {
    rejoined();
    throw;
  }
  rejoined();
}

// Nothing may be launched before it is known what this one runs: it may be the same.
void RemoteExecutors::rejoined() {
  const std::lock_guard lock(mutex_);
  --rejoining_;
  wake();
}

void RemoteExecutors::take_in(rpc::Socket socket, const std::shared_ptr<Connection>& connection,
                              const sched::ExecutorAdded& here, const std::map<AttemptId, std::uint64_t>& fingerprints,
                              const std::string& surplus) {
  rpc::Welcome welcome = this->welcome();
  welcome.executor = connection->id.value;
  socket.send(rpc::frame(welcome));
  connection->socket = std::move(socket);
  client_.set_address(connection->id, connection->blocks);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    connections_.emplace(connection->id, connection);
  }
  listener_->executor_adopted(here, fingerprints, surplus);
  connection->watch(poll_.get());
  wake();
  joined_.notify_all();
}

// Gives it a ticket, under the mutex. Returns why the run has no place for it; empty when it stays.
std::string RemoteExecutors::seat(Connection& connection, const rpc::Rejoin& message) {
  const bool alike = message.slots == std::max(options_.threads, 1u) && message.memory_bytes == options_.memory_bytes;
  rpc::Descriptor process = std::move(survivors_.at(connection.id).process);
  const bool of_launcher = process && settings_.adopts_for_launcher;
  std::uint32_t ticket = 0;
  while (ticket < settings_.launched && adopted_.contains(ticket)) ++ticket;
  const bool replaces = alike && of_launcher && ticket < settings_.launched;
  connection.ticket = replaces ? ticket : added_.adopted();
  if (of_launcher) adopted_.emplace(connection.ticket, std::move(process));
  if (replaces) return {};
  if (!alike) return "it was started with other threads or memory: it ends what it runs, and leaves";
  if (settings_.executors + adopted_beyond_ < options_.max_executors) {
    ++adopted_beyond_;
    return {};
  }
  return "the run has executors enough: it ends what it runs, and leaves";
}

void RemoteExecutors::adopt(Launch launch) {
  const std::lock_guard lock(mutex_);
  Connection* connection = find(launch.executor);
  // Its end may be on the way to the listener already.
  if (connection == nullptr || connection->unclaimed.erase(launch.attempt) == 0) return;
  const AttemptId attempt = launch.attempt;
  connection->running.emplace(attempt, std::move(launch));
}

// Values have the numbers that they had, but the program may have made others of them this time.
bool RemoteExecutors::has_true_broadcasts(Connection& connection) {
  for (auto at = connection.broadcasts.begin(); at != connection.broadcasts.end();) {
    const auto [id, checksum] = *at;
    if (!exec::broadcast_store().has(id)) {
      ++at;
      continue;
    }
    if (storage::block_checksum(exec::broadcast_store().bytes(id)) != checksum) {
      connection.misfit = "it holds broadcast values that are others in this life of the run";
      wake();
      return false;
    }
    at = connection.broadcasts.erase(at);
  }
  return true;
}

}  // namespace millrace::cluster
