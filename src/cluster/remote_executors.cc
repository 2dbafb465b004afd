#include "cluster/remote_executors.h"

#include <algorithm>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cluster/build_id.h"
#include "cluster/wire.h"
#include "exec/broadcast_store.h"

namespace millrace::cluster {
namespace {

constexpr std::uint64_t wake_mark = ~std::uint64_t{0};
// More replacements than this in a minute, for each executor, and the fault is not the executors'.
constexpr std::size_t most_replacements = 20;

}  // namespace

RemoteExecutors::RemoteExecutors(const Options& options, const RemoteSettings& settings,
                                 const rpc::Membership& membership, storage::FileSystem& files,
                                 const exec::KeptOutputs* kept)
    : options_(options),
      settings_(settings),
      membership_(membership),
      stores_(options.memory_bytes, std::max(options.threads, 1u), files, options.tmp, exec::Carrier::memory),
      client_(membership, settings.patience),
      poll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      added_(settings.executors) {
  install_interrupt_handlers();
  stores_.environment.self = nobody;
  stores_.environment.outputs = &client_;
  stores_.environment.kept = kept;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = wake_mark;
  epoll_ctl(poll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
  if (settings.listen.host.empty()) return;
  listening_.emplace(settings.listen);
  address_ = listening_->address();
}

RemoteExecutors::~RemoteExecutors() { stop(std::chrono::milliseconds(2000)); }

void RemoteExecutors::start(ExecutorListener& listener) {
  listener_ = &listener;
  last_beat_ = Clock::now();
  BlockServer::Handlers handlers;
  handlers.join = [this](rpc::Socket socket, const rpc::Join& message) { join(std::move(socket), message); };
  handlers.rejoin = [this](rpc::Socket socket, const rpc::Rejoin& message) { rejoin(std::move(socket), message); };
  handlers.crash_line = [this](rpc::Socket socket, const rpc::CrashLine& line) {
    take_crash_line(std::move(socket), ExecutorId{line.executor});
  };
  handlers.ask_broadcast = [this](const rpc::AskBroadcast& question) { return place_of(question); };
  server_ = std::make_unique<BlockServer>(membership_, nullptr, std::move(handlers));
  if (listening_) server_->listen(std::move(*listening_));
  if (settings_.life) adopt_survivors();
  for (std::uint32_t ticket = 0; launcher_ != nullptr && ticket < settings_.launched; ++ticket) {
    if (!adopted_.contains(ticket)) launcher_->launch(ticket);
  }
  thread_ = std::thread([this] { loop(); });
  std::unique_lock lock(mutex_);
  const bool in_time =
      joined_.wait_for(lock, settings_.start_time, [this] { return !connections_.empty() || !start_failure_.empty(); });
  if (!start_failure_.empty()) throw Error(Cause::lost_node, start_failure_);
  if (!in_time) {
    throw Error(Cause::lost_node,
                fmt::format("no executor has joined within {} s{}", settings_.start_time.count() / 1000, last_end_));
  }
}

// On a thread of the server's. What the executor is told is its welcome; what it says is for the loop.
void RemoteExecutors::join(rpc::Socket socket, const rpc::Join& message) {
  if (!is_of_this_build(socket, message)) return;
  auto connection = std::make_shared<Connection>(message);
  rpc::Welcome welcome = this->welcome();
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    const bool wanted = !added_.is_added(message.ticket) || added_.joined(message.ticket);
    if (!wanted) return socket.send(rpc::frame(rpc::Leave{run_over}));
    connection->id = ExecutorId{next_executor_++};
    welcome.executor = connection->id.value;
  }
  socket.send(rpc::frame(welcome));
  connection->socket = std::move(socket);
  const ExecutorId id = connection->id;
  const sched::ExecutorAdded here = added(*connection);
  client_.set_address(id, connection->blocks);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    connections_.emplace(id, connection);
  }
  listener_->executor_added(here);
  connection->watch(poll_.get());
  wake();
  joined_.notify_all();
}

bool RemoteExecutors::is_of_this_build(rpc::Socket& socket, const rpc::Join& message) const {
  if (message.build == build_id()) return true;
  socket.send(rpc::frame(rpc::Leave{
      fmt::format("this executor's program is another build ({}) than the driver's ({})", message.build, build_id())}));
  return false;
}

rpc::Welcome RemoteExecutors::welcome() const {
  rpc::Welcome welcome;
  welcome.slots = std::max(options_.threads, 1u);
  welcome.memory_bytes = options_.memory_bytes;
  welcome.tmp = options_.tmp;
  if (stores_.environment.kept != nullptr) welcome.journal = stores_.environment.kept->directory();
  welcome.heartbeat = static_cast<std::uint32_t>(settings_.heartbeat.count());
  welcome.patience = static_cast<std::uint32_t>(settings_.patience.count());
  welcome.watched = listener_ != nullptr && listener_->observed() ? 1 : 0;
  welcome.life = settings_.life.value_or(0);
  return welcome;
}

rpc::Address RemoteExecutors::listen_on(const std::string& host) {
  const std::lock_guard lock(mutex_);
  if (stopping_) throw Error(Cause::lost_node, run_over);
  const auto known = listening_on_.find(host);
  if (known != listening_on_.end()) return known->second;
  rpc::Listener listener({host, 0});
  const rpc::Address address = listener.address();
  server_->listen(std::move(listener));
  return listening_on_[host] = address;
}

void RemoteExecutors::take_crash_line(rpc::Socket socket, ExecutorId executor) {
  const std::lock_guard lock(mutex_);
  if (Connection* connection = find(executor)) connection->crash_line = std::move(socket);
}

// The first two that ask get the value from here, all others from one that asked before: nobody sends it more than
// twice, unless somebody fails.
rpc::BroadcastAt RemoteExecutors::place_of(const rpc::AskBroadcast& question) {
  rpc::BroadcastAt place;
  if (!exec::broadcast_store().has(question.id)) return place;
  place.known = 1;
  place.bytes = exec::broadcast_store().bytes(question.id).size();
  const std::lock_guard lock(mutex_);
  auto& order = broadcast_order_[question.id];
  const std::size_t index = order.size();
  order.push_back(ExecutorId{question.executor});
  if (index < 2 || !question.failed.empty()) return place;
  const auto giver = connections_.find(order[(index - 2) / 2]);
  if (giver == connections_.end()) return place;
  place.host = giver->second->blocks.host;
  place.port = giver->second->blocks.port;
  return place;
}

void RemoteExecutors::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
}

RemoteExecutors::Connection* RemoteExecutors::find(ExecutorId executor) {
  const auto found = connections_.find(executor);
  return found == connections_.end() ? nullptr : found->second.get();
}

// What the driver says.

void RemoteExecutors::launch(Launch launch) {
  const std::lock_guard lock(mutex_);
  Connection* connection = find(launch.executor);
  if (connection == nullptr) return;  // it was lost just now; the listener is about to be told
  if (!has_true_broadcasts(*connection)) return;
  connection->tell_stage(launch);
  for (const ShuffleId shuffle : launch.stage->reads) {
    tell_locations(*connection, shuffle, launch.map_tasks->at(shuffle));
  }
  rpc::append_frame(connection->out, rpc::LaunchMessage{launch.job.value, wire_of(launch.attempt),
                                                        launch.output_directory, cached_elsewhere(launch)});
  const AttemptId attempt = launch.attempt;
  connection->running.emplace(attempt, std::move(launch));
  if (std::this_thread::get_id() != loop_thread_.load()) wake();
}

// The task waited for a slot where its partition is cached as long as the scheduler thinks it right: now it takes the
// partition from there. Of several that have it each is asked by some tasks.
std::vector<rpc::CachedAt> RemoteExecutors::cached_elsewhere(const Launch& launch) const {
  std::vector<rpc::CachedAt> out;
  const std::uint32_t partition = launch.stage->partitions[launch.attempt.partition.value];
  for (const auto& [node, level] : launch.stage->cached) {
    const auto known = cached_.find(node);
    if (known == cached_.end()) continue;
    const auto holders = known->second.find(partition);
    if (holders == known->second.end() || holders->second.contains(launch.executor)) continue;
    const auto holder = std::next(holders->second.begin(), partition % holders->second.size());
    const auto there = connections_.find(holder->first);
    if (there == connections_.end()) continue;
    const rpc::Address& blocks = there->second->blocks;
    out.push_back({node.value, partition, holder->first.value, blocks.host, blocks.port});
  }
  return out;
}

void RemoteExecutors::tell_locations(Connection& connection, ShuffleId shuffle, std::uint32_t map_tasks) {
  Shuffle& known = shuffles_[shuffle];
  known.made.resize(map_tasks, nobody);
  std::uint64_t& told = connection.locations[shuffle];
  if (told == known.version) return;
  told = known.version;
  rpc::Locations message;
  message.shuffle = shuffle.value;
  std::set<ExecutorId> holders;
  for (const ExecutorId executor : known.made) {
    message.executors.push_back(executor.value);
    holders.insert(executor);
  }
  for (const ExecutorId executor : holders) {
    const Connection* holder = find(executor);
    // One that was lost just now has an address, too: the readers find out, as they would a moment later.
    const rpc::Address address = holder != nullptr ? holder->blocks : rpc::Address{"127.0.0.1", 1};
    message.addresses.emplace_back(executor.value, address.host, address.port);
  }
  rpc::append_frame(connection.out, message);
}

void RemoteExecutors::kill(const AttemptId& attempt, ExecutorId executor) {
  const std::lock_guard lock(mutex_);
  Connection* connection = find(executor);
  if (connection == nullptr) return;
  rpc::append_frame(connection->out, rpc::KillMessage{wire_of(attempt)});
  wake();
}

template <class Message>
void RemoteExecutors::tell_all(const Message& message) {
  for (const auto& [id, connection] : connections_) rpc::append_frame(connection->out, message);
  wake();
}

// What is known of outputs.

void RemoteExecutors::keep(ShuffleId shuffle, std::uint32_t map_task, ExecutorId executor, exec::Output) {
  const std::lock_guard lock(mutex_);
  Shuffle& known = shuffles_[shuffle];
  if (known.made.size() <= map_task) known.made.resize(map_task + 1, nobody);
  known.made[map_task] = find(executor) != nullptr ? executor : nobody;
  ++known.version;
}

std::optional<ExecutorId> RemoteExecutors::holder(ShuffleId shuffle, std::uint32_t map_task) const {
  const std::lock_guard lock(mutex_);
  const auto known = shuffles_.find(shuffle);
  if (known == shuffles_.end() || map_task >= known->second.made.size()) return std::nullopt;
  const ExecutorId made = known->second.made[map_task];
  return made == nobody ? std::nullopt : std::optional(made);
}

void RemoteExecutors::lose(ShuffleId shuffle, std::uint32_t map_task) {
  const std::lock_guard lock(mutex_);
  const auto known = shuffles_.find(shuffle);
  if (known == shuffles_.end() || map_task >= known->second.made.size()) return;
  known->second.made[map_task] = nobody;
  ++known->second.version;
}

void RemoteExecutors::drop_shuffle(ShuffleId shuffle) {
  const std::lock_guard lock(mutex_);
  if (shuffles_.erase(shuffle) == 0) return;
  for (const auto& [id, connection] : connections_) connection->locations.erase(shuffle);
  tell_all(rpc::DropShuffle{shuffle.value});
}

void RemoteExecutors::drop_cached(NodeId node) {
  const std::lock_guard lock(mutex_);
  tell_all(rpc::DropCached{node.value});
}

void RemoteExecutors::drop_job(JobId job) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, connection] : connections_) connection->drop_job(job);
  tell_all(rpc::DropJob{job.value});
}

std::uint32_t RemoteExecutors::cached_partitions(NodeId node) const {
  const std::lock_guard lock(mutex_);
  const auto known = cached_.find(node);
  return known == cached_.end() ? 0 : static_cast<std::uint32_t>(known->second.size());
}

std::uint64_t RemoteExecutors::cached_bytes(NodeId node) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  const auto known = cached_.find(node);
  if (known == cached_.end()) return 0;
  for (const auto& [partition, holders] : known->second) {
    for (const auto& [executor, bytes] : holders) sum += bytes;
  }
  return sum;
}

std::vector<ExecutorId> RemoteExecutors::cache_holders(NodeId node, std::uint32_t partition) const {
  const std::lock_guard lock(mutex_);
  std::vector<ExecutorId> out;
  const auto known = cached_.find(node);
  if (known == cached_.end()) return out;
  const auto holders = known->second.find(partition);
  if (holders == known->second.end()) return out;
  for (const auto& [executor, bytes] : holders->second) out.push_back(executor);
  return out;
}

void RemoteExecutors::progress(const VisitProgress& visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, connection] : connections_) {
    for (const auto& [attempt, bytes] : connection->progress) visit(attempt, id, bytes);
  }
}

exec::TaskResult RemoteExecutors::run_here(exec::TaskSpec spec) {
  {
    const std::lock_guard lock(mutex_);
    for (const ShuffleId shuffle : spec.stage->reads) {
      spec.locations[shuffle] = std::make_shared<const exec::MapLocations>(shuffles_[shuffle].made);
    }
  }
  return exec::Attempt(stores_.environment, std::move(spec)).run();
}

// The loop.

void RemoteExecutors::loop() {
  loop_thread_ = std::this_thread::get_id();
  while (turn()) {
  }
}

// False when it was the last one.
bool RemoteExecutors::turn() {
  wait_for_streams();
  give_up_broken();
  keep_time();
  std::vector<std::shared_ptr<Connection>> all;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    for (const auto& [id, connection] : connections_) all.push_back(connection);
  }
  for (const auto& connection : all) {
    const std::lock_guard lock(mutex_);
    connection->flush(poll_.get());
  }
  return true;
}

void RemoteExecutors::wait_for_streams() {
  constexpr int most_events = 64;
  epoll_event events[most_events];
  const int timeout = static_cast<int>(std::max<std::int64_t>(settings_.heartbeat.count() / 4, 1));
  const int count = epoll_wait(poll_.get(), events, most_events, timeout);
  for (int i = 0; i < count; ++i) {
    if (events[i].data.u64 == wake_mark) {
      std::uint64_t ignored = 0;
      [[maybe_unused]] const ssize_t taken = read(wake_.get(), &ignored, sizeof ignored);
      continue;
    }
    std::shared_ptr<Connection> connection;
    {
      const std::lock_guard lock(mutex_);
      const auto found = connections_.find(ExecutorId{static_cast<std::uint32_t>(events[i].data.u64)});
      if (found == connections_.end()) continue;
      connection = found->second;
    }
    if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) continue;
    connection->receive(
        [&](std::uint8_t kind, std::span<const std::byte> payload) { take(*connection, kind, payload); });
  }
}

void RemoteExecutors::take(Connection& connection, std::uint8_t kind, std::span<const std::byte> payload) {
  switch (static_cast<rpc::Kind>(kind)) {
    case rpc::Kind::alive: {
      const auto alive = rpc::decode_message<rpc::Alive>(payload);
      const std::lock_guard lock(mutex_);
      connection.progress.clear();
      for (const auto& [attempt, bytes] : alive.progress) connection.progress[attempt_of(attempt)] = bytes;
      return;
    }
    case rpc::Kind::attempt_started:
      return listener_->attempt_started(attempt_of(rpc::decode_message<rpc::AttemptStarted>(payload).attempt),
                                        connection.id);
    case rpc::Kind::result_block:
      return connection.take_result(rpc::decode_message<rpc::ResultBlock>(payload), stores_.blocks);
    case rpc::Kind::attempt_ended:
      return take_end(connection, rpc::decode_message<rpc::AttemptEnded>(payload));
    case rpc::Kind::cache_changed:
      return take_cache_change(connection, rpc::decode_message<rpc::CacheChanged>(payload));
    default:
      throw Error(Cause::bad_data, fmt::format("it sent a message of kind {}, which is none for drivers", kind));
  }
}

void RemoteExecutors::take_end(Connection& connection, rpc::AttemptEnded message) {
  AttemptEnd end = attempt_end_of(std::move(message), connection.id);
  Launch launch;
  {
    const std::lock_guard lock(mutex_);
    auto launched = connection.take_off(end.attempt);
    if (!launched) return;
    launch = std::move(*launched);
    end.unclaimed = launch.stage == nullptr;
    if (connection.surplus && connection.running.empty() && connection.unclaimed.empty()) {
      connection.given_back = "it has ended what it ran for an earlier driver";
      rpc::append_frame(connection.out, rpc::Leave{run_over});
    }
  }
  if (auto output = connection.result_of(end.attempt)) end.result.output = std::move(*output);
  // Every executor knows only of what it has skipped itself.
  const auto skipped = static_cast<std::int64_t>(end.result.skipped_records);
  if (end.result.succeeded && launch.skips_left != nullptr && launch.skips_left->fetch_sub(skipped) < skipped) {
    *launch.skips_left += skipped;
    const exec::BadRecord& bad = end.result.bad_records.back();
    end.result.succeeded = false;
    end.result.cause = Cause::bad_data;
    end.result.message = fmt::format("more bad records than may be skipped; the last is in {} at byte {}: {}", bad.path,
                                     bad.offset, bad.message);
  }
  listener_->attempt_ended(std::move(end));
}

sched::ExecutorAdded RemoteExecutors::added(const Connection& connection) const {
  return {connection.id, std::max(options_.threads, 1u), connection.host, connection.rack};
}

void RemoteExecutors::take_cache_change(const Connection& connection, const rpc::CacheChanged& message) {
  const std::lock_guard lock(mutex_);
  auto& partitions = cached_[NodeId{message.node}];
  if (message.bytes >= 0) {
    partitions[message.partition][connection.id] = static_cast<std::uint64_t>(message.bytes);
    return;
  }
  const auto holders = partitions.find(message.partition);
  if (holders == partitions.end()) return;
  holders->second.erase(connection.id);
  if (holders->second.empty()) partitions.erase(holders);
}

void RemoteExecutors::keep_time() {
  const Clock::time_point now = Clock::now();
  if (now - last_beat_ < settings_.heartbeat) return;
  // A driver that slept itself must not take the silence for the executors'.
  const bool slept = now - last_beat_ > settings_.patience / 2;
  last_beat_ = now;
  listener_->time_passed();
  const std::lock_guard lock(mutex_);
  for (const auto& [id, connection] : connections_) {
    rpc::append_frame(connection->out, rpc::Ping{});
    if (slept) connection->heard = now;
    if (now - connection->heard > settings_.patience) {
      connection->fault =
          fmt::format("it gave no sign of life for {:.1f} s", static_cast<double>(settings_.patience.count()) / 1000);
    }
  }
}

void RemoteExecutors::give_up_broken() {
  std::vector<std::shared_ptr<Connection>> broken;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = connections_.begin(); at != connections_.end();) {
      const auto here = at++;
      if (here->second->fault.empty()) here->second->fault = here->second->misfit;
      if (here->second->fault.empty()) continue;
      const ExecutorId id = here->first;
      for (auto& [shuffle, known] : shuffles_) {
        std::replace(known.made.begin(), known.made.end(), id, nobody);
        ++known.version;
      }
      for (auto& [node, partitions] : cached_) {
        for (auto partition = partitions.begin(); partition != partitions.end();) {
          partition->second.erase(id);
          partition = partition->second.empty() ? partitions.erase(partition) : std::next(partition);
        }
      }
      broken.push_back(std::move(here->second));
      connections_.erase(here);
    }
  }
  for (const auto& connection : broken) {
    connection->forget(poll_.get());
    connection->socket.shut_down();
    const bool left = connection->gone && !connection->given_back.empty();
    if (launcher_ != nullptr && !left) launcher_->kill(connection->ticket);
    tell_lost(*connection);
  }
  if (launcher_ != nullptr) replace_lost();
}

void RemoteExecutors::tell_lost(Connection& connection) {
  if (auto end = connection.crash(membership_.secret)) listener_->attempt_ended(std::move(*end));
  if (connection.gone && !connection.given_back.empty()) {
    connection.fault = connection.given_back;
  } else if (launcher_ != nullptr) {
    connection.fault += launcher_->last_words(connection.ticket);
  }
  listener_->executor_lost({connection.id, connection.fault});
}

void RemoteExecutors::replace_lost() {
  for (const auto& [ticket, how] : launcher_->ended()) {
    if (added_.is_added(ticket)) {
      const std::lock_guard lock(mutex_);
      added_.ended(ticket, how);
      continue;
    }
    {
      const std::lock_guard lock(mutex_);
      last_end_ = fmt::format("; executor {} {}", ticket, how);
    }
    const Clock::time_point now = Clock::now();
    std::erase_if(replaced_, [&](Clock::time_point at) { return now - at > std::chrono::minutes(1); });
    if (launcher_->replaces() && replaced_.size() < most_replacements * settings_.executors) {
      replaced_.push_back(now);
      launcher_->launch(ticket);
      continue;
    }
    bool none = false;
    {
      const std::lock_guard lock(mutex_);
      none = connections_.empty();
      if (none) start_failure_ = fmt::format("executor {} {}, and so did all others", ticket, how);
    }
    joined_.notify_all();
    if (none) listener_->executors_gone(start_failure_);
  }
  give_up_if_nobody_comes();
}

void RemoteExecutors::give_up_if_nobody_comes() {
  const std::string why = launcher_->given_up();
  if (why.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    if (!connections_.empty() || !start_failure_.empty()) return;
    start_failure_ = why;
  }
  joined_.notify_all();
  listener_->executors_gone(why);
}

void RemoteExecutors::stop(std::chrono::milliseconds patience) {
  // On Ctrl-C it is the loop itself that comes here, and does not return: who waits for it then waits for ever.
  const bool in_loop = std::this_thread::get_id() == loop_thread_.load();
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true) && !in_loop) return;
  }
  wake();
  if (thread_.joinable() && !in_loop) thread_.join();
  for (const auto& [id, connection] : connections_) {
    rpc::append_frame(connection->out, rpc::Leave{run_over});
    connection->flush(poll_.get());
  }
  server_.reset();
  if (launcher_ != nullptr) launcher_->finish(patience);
  connections_.clear();
}

}  // namespace millrace::cluster
