#include "cluster/executor_process.h"

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <thread>
#include <unistd.h>

#include <millrace/options.h>

#include "cluster/block_client.h"
#include "cluster/block_server.h"
#include "cluster/broadcast_client.h"
#include "cluster/build_id.h"
#include "cluster/crash_line.h"
#include "cluster/host_side.h"
#include "cluster/journal_records.h"
#include "cluster/run_directory.h"
#include "cluster/self_process.h"
#include "cluster/slurm.h"
#include "cluster/succession.h"
#include "cluster/task_slots.h"
#include "cluster/wire.h"
#include "exec/broadcast_store.h"
#include "exec/input_mapping.h"
#include "exec/stores.h"
#include "rpc/frame.h"
#include "rpc/messages.h"
#include "storage/local_file_system.h"

namespace millrace::cluster {
namespace {

constexpr rpc::Socket::Timeout connect_time{10000};

/// Those between an executor and its driver.
struct DriverStreams {
  rpc::Socket driver;
  rpc::Socket crash_line;
};

rpc::Socket prove_to(const rpc::Address& driver, const rpc::Membership& membership) {
  rpc::Socket socket = rpc::Socket::connect(driver, connect_time);
  rpc::prove_to_server(socket, membership, connect_time);
  return socket;
}

/// On which the process says why, should it crash.
rpc::Socket open_crash_line(const rpc::Address& driver, const rpc::Membership& membership, std::uint32_t executor) {
  rpc::Socket line = prove_to(driver, membership);
  line.send(rpc::frame(rpc::CrashLine{executor}), connect_time);
  return line;
}

rpc::Join join_message(const Seat& seat, const rpc::Address& blocks) {
  rpc::Join join;
  join.build = build_id();
  join.host = seat.host;
  join.rack = seat.rack;
  join.block_host = blocks.host;
  join.block_port = blocks.port;
  join.process = static_cast<std::uint32_t>(getpid());
  join.ticket = seat.ticket;
  return join;
}

/// What the driver has said of one stage of a job.
struct KnownStage {
  std::shared_ptr<const plan::Stage> stage;
  std::vector<std::shared_ptr<const exec::InputMapping>> mappings;  // that it refers to
  std::uint64_t fingerprint = 0;
  std::shared_ptr<const std::map<ShuffleId, std::uint32_t>> map_tasks;
  std::shared_ptr<std::atomic<std::int64_t>> skips_left;
};

/// One executor process, from its welcome on. The thread that made it reads what the driver says; attempts run on
/// threads of their own, and answer. When the driver of a run with a journal dies, they go on, and the next driver may
/// take the process over with them.
class ExecutorProcess {
 public:
  ExecutorProcess(DriverStreams streams, const Seat& seat, const rpc::Welcome& welcome, rpc::Listener listener)
      : driver_(std::move(streams.driver)),
        crash_line_(std::move(streams.crash_line)),
        blocks_(listener.address()),
        seat_(seat),
        welcome_(welcome),
        patience_(welcome.patience),
        succession_(welcome.journal),
        life_(welcome.life),
        heartbeat_(welcome.heartbeat),
        watched_(welcome.watched != 0),
        stores_(welcome.memory_bytes, welcome.slots, storage::local_file_system(), welcome.tmp, exec::Carrier::memory),
        kept_(welcome.journal),
        client_(seat.membership, patience_),
        broadcasts_(client_, seat.driver, ExecutorId{welcome.executor}),
        server_(seat.membership, &stores_, handlers()),
        slots_(welcome.slots, stores_.environment, slot_listener()) {
    stores_.environment.self = ExecutorId{welcome.executor};
    stores_.environment.outputs = &client_;
    stores_.environment.broadcasts = &broadcasts_;
    if (!welcome.journal.empty()) stores_.environment.kept = &kept_;
    stores_.cache.set_observer([this](NodeId node, std::uint32_t partition, std::optional<std::uint64_t> bytes) {
      tell(rpc::CacheChanged{node.value, partition, bytes ? static_cast<std::int64_t>(*bytes) : -1});
    });
    server_.listen(std::move(listener));
    report_crashes_on(crash_line_.descriptor(), seat.membership.secret);
    if (can_be_adopted()) succession_.enter(ExecutorId{welcome.executor});
    heart_ = std::thread([this] { beat(); });
    voice_ = std::thread([this] { say_soon(); });
  }

  /// Returns why the run is over.
  std::string run() {
    std::string reason = listen();
    while (!welcome_.journal.empty() && reason != run_over && find_next_driver()) reason = listen();
    slots_.stop(std::chrono::milliseconds(0));
    if (can_be_adopted()) succession_.leave(ExecutorId{welcome_.executor});
    return reason;
  }

 private:
  BlockServer::Handlers handlers() {
    BlockServer::Handlers out;
    out.want_broadcast = [this](std::uint32_t id) {
      if (!exec::broadcast_store().has(id)) broadcasts_.fetch(id);
    };
    return out;
  }
  TaskSlots::Listener slot_listener() {
    TaskSlots::Listener slots;
    slots.ended = [this](AttemptEnd end) { ended(std::move(end)); };
    slots.started = [this](const Launch& launch) { started(launch); };
    slots.thread_started = [] { prepare_thread_for_crashes(); };
    return slots;
  }
  // On a machine that ssh reached it ends with ssh's stream, and so with the driver.
  bool can_be_adopted() const { return !welcome_.journal.empty() && !seat_.remote; }
  std::string listen();
  void take(const rpc::Frame& frame);
  void learn_stage(const rpc::StageMessage& message);
  void learn_locations(const rpc::Locations& message);
  void launch(const rpc::LaunchMessage& message);
  void drop_job(std::uint32_t job);
  void started(const Launch& launch) {
    if (watched_) tell(rpc::AttemptStarted{wire_of(launch.attempt)});
  }
  void ended(AttemptEnd end);
  void answer(const AttemptEnd& end);
  bool find_next_driver();
  enum class Answer { silence, taken, refused };
  Answer rejoin(const DriverNotice& notice);
  rpc::Rejoin what_there_is();
  void change_drivers(DriverStreams streams, const rpc::Welcome& welcome, const DriverNotice& notice);
  void leave_behind(const AttemptEnd& end, std::uint64_t fingerprint);
  void send_result(const AttemptId& attempt, exec::Output output);
  void beat();

  // A driver that is gone is noticed by the thread that reads.
  template <class Message>
  void tell(const Message& message) noexcept {
    const std::lock_guard lock(sending_);
    rpc::append_frame(outbox_, message);
    flush();
  }

  // As tell(), but soon: with what else there will be to say by then.
  template <class Message>
  void tell_soon(const Message& message) noexcept {
    const std::lock_guard lock(sending_);
    const bool first = outbox_.empty();
    rpc::append_frame(outbox_, message);
    if (outbox_.size() >= full_outbox) flush();
    if (first) something_to_say_.notify_one();
  }

  // Under the lock of what is sent.
  void flush() noexcept try {
    driver_.send(outbox_);
    outbox_.clear();
  } catch (const Error&) {
    driver_.shut_down();
    outbox_.clear();
  }

  void say_soon() {
    constexpr std::chrono::microseconds soon(300);
    std::unique_lock lock(sending_);
    for (;;) {
      something_to_say_.wait(lock, [this] { return !outbox_.empty(); });
      lock.unlock();
      std::this_thread::sleep_for(soon);
      lock.lock();
      flush();
    }
  }

  rpc::Socket driver_;  // changed by the thread that reads it, under the lock of what is sent
  rpc::Socket crash_line_;
  const rpc::Address blocks_;
  const Seat seat_;
  const rpc::Welcome welcome_;  // of the first driver
  const rpc::Socket::Timeout patience_;
  const Succession succession_;
  std::uint32_t life_;
  std::atomic<std::uint32_t> heartbeat_;
  std::atomic<bool> watched_;
  static constexpr std::size_t full_outbox = std::size_t{32} << 10;
  std::mutex answering_;                           // comes before the lock of what is sent
  bool orphaned_ = false;                          // the driver is gone, and a journal is there
  std::map<AttemptId, std::uint64_t> unanswered_;  // with a journal: those launched, with their stages' fingerprints
  std::vector<std::pair<rpc::AttemptEnded, std::uint64_t>> untold_;  // that succeeded when the driver was gone
  std::mutex sending_;
  std::condition_variable something_to_say_;
  std::vector<std::byte> outbox_;
  std::mutex mutex_;  // of what the driver has said
  std::map<std::pair<std::uint32_t, StageId>, KnownStage> stages_;
  std::map<std::uint32_t, std::shared_ptr<std::atomic<std::int64_t>>> skips_;  // by job
  std::map<ShuffleId, std::shared_ptr<const exec::MapLocations>> locations_;
  exec::Stores stores_;
  const exec::KeptOutputs kept_;  // where outputs outlive this process, if they do
  BlockClient client_;
  BroadcastClient broadcasts_;
  BlockServer server_;
  TaskSlots slots_;
  std::thread heart_;
  std::thread voice_;
};

// Until the driver says that the run is over, or is gone. Returns why.
std::string ExecutorProcess::listen() try {
  rpc::Frame frame;
  while (rpc::receive_frame(driver_, frame, patience_)) {
    if (frame.kind == rpc::Leave::kind) return rpc::decode_message<rpc::Leave>(frame.payload).reason;
    take(frame);
  }
  return "the driver closed the connection";
} catch (const Error& error) {
  return error.what();
}

void ExecutorProcess::take(const rpc::Frame& frame) {
  switch (static_cast<rpc::Kind>(frame.kind)) {
    case rpc::Kind::ping:
      return;
    case rpc::Kind::stage:
      return learn_stage(rpc::decode_message<rpc::StageMessage>(frame.payload));
    case rpc::Kind::locations:
      return learn_locations(rpc::decode_message<rpc::Locations>(frame.payload));
    case rpc::Kind::launch:
      return launch(rpc::decode_message<rpc::LaunchMessage>(frame.payload));
    case rpc::Kind::kill:
      return slots_.kill(attempt_of(rpc::decode_message<rpc::KillMessage>(frame.payload).attempt));
    case rpc::Kind::drop_shuffle: {
      const ShuffleId shuffle{rpc::decode_message<rpc::DropShuffle>(frame.payload).shuffle};
      stores_.shuffles.drop(shuffle);
      const std::lock_guard lock(mutex_);
      locations_.erase(shuffle);
      return;
    }
    case rpc::Kind::drop_cached:
      return stores_.cache.drop(NodeId{rpc::decode_message<rpc::DropCached>(frame.payload).node});
    case rpc::Kind::drop_job:
      return drop_job(rpc::decode_message<rpc::DropJob>(frame.payload).job);
    default:
      throw Error(Cause::bad_data,
                  fmt::format("the driver sent a message of kind {}, which is none for executors", frame.kind));
  }
}

void ExecutorProcess::learn_stage(const rpc::StageMessage& message) {
  KnownStage known;
  known.fingerprint = message.fingerprint;
  auto stage = std::make_shared<plan::Stage>(plan::decode_stage(std::as_bytes(std::span(message.bytes))));
  try {
    known.mappings = exec::InputMapping::attach(*stage);
  } catch (const Error&) {
    // Each attempt tries again, and says why it cannot run.
  }
  std::map<ShuffleId, std::uint32_t> map_tasks;
  for (const auto& [shuffle, tasks] : message.map_tasks) map_tasks[ShuffleId{shuffle}] = tasks;
  known.map_tasks = std::make_shared<const std::map<ShuffleId, std::uint32_t>>(std::move(map_tasks));
  const StageId id = stage->id;
  known.stage = std::move(stage);
  const std::lock_guard lock(mutex_);
  if (message.skips >= 0) {
    auto& left = skips_[message.job];
    if (left == nullptr) left = std::make_shared<std::atomic<std::int64_t>>(message.skips);
    known.skips_left = left;
  }
  stages_[{message.job, id}] = std::move(known);
}

void ExecutorProcess::learn_locations(const rpc::Locations& message) {
  for (const auto& [executor, host, port] : message.addresses) client_.set_address(ExecutorId{executor}, {host, port});
  auto locations = std::make_shared<exec::MapLocations>();
  for (const std::uint32_t executor : message.executors) locations->push_back(ExecutorId{executor});
  const std::lock_guard lock(mutex_);
  locations_[ShuffleId{message.shuffle}] = std::move(locations);
}

void ExecutorProcess::launch(const rpc::LaunchMessage& message) {
  Launch launch;
  launch.job = JobId{message.job};
  launch.attempt = attempt_of(message.attempt);
  launch.executor = ExecutorId{welcome_.executor};
  launch.output_directory = message.output_directory;
  for (const rpc::CachedAt& held : message.cached) {
    client_.set_address(ExecutorId{held.executor}, {held.host, held.port});
    launch.cached[{NodeId{held.node}, held.partition}] = ExecutorId{held.executor};
  }
  {
    const std::lock_guard lock(mutex_);
    const auto known = stages_.find({message.job, launch.attempt.stage});
    if (known == stages_.end() || launch.attempt.partition.value >= known->second.stage->partitions.size()) {
      throw Error(Cause::bad_data, "the driver launched a task of a stage that it has not sent");
    }
    launch.stage = known->second.stage;
    launch.map_tasks = known->second.map_tasks;
    launch.skips_left = known->second.skips_left;
    launch.fingerprint = known->second.fingerprint;
    for (const ShuffleId shuffle : launch.stage->reads) {
      const auto located = locations_.find(shuffle);
      if (located == locations_.end()) {
        throw Error(Cause::bad_data, "the driver launched a task without saying where its input is");
      }
      launch.locations[shuffle] = located->second;
    }
  }
  if (!welcome_.journal.empty()) {
    const std::lock_guard lock(answering_);
    unanswered_.emplace(launch.attempt, launch.fingerprint);
  }
  slots_.push(std::move(launch));
}

void ExecutorProcess::drop_job(std::uint32_t job) {
  const std::lock_guard lock(mutex_);
  skips_.erase(job);
  auto stage = stages_.lower_bound({job, StageId{0}});
  while (stage != stages_.end() && stage->first.first == job) stage = stages_.erase(stage);
}

void ExecutorProcess::ended(AttemptEnd end) {
  if (end.result.succeeded && !end.killed && welcome_.journal.empty()) {
    std::shared_ptr<const plan::Stage> stage;
    {
      const std::lock_guard lock(mutex_);
      const auto known = stages_.find({end.job.value, end.attempt.stage});
      if (known != stages_.end()) stage = known->second.stage;
    }
    if (stage != nullptr && stage->output) {
      stores_.shuffles.put(stage->output->shuffle, end.attempt.partition.value, std::move(end.result.output));
    } else if (stage != nullptr) {
      try {
        send_result(end.attempt, std::move(end.result.output));
      } catch (const Error& error) {
        end.result.succeeded = false;
        end.result.cause = error.cause();
        end.result.message = error.what();
      }
    }
  }
  if (!end.result.succeeded && seat_.remote) end.result.message += fmt::format(" (on host {})", seat_.host);
  if (welcome_.journal.empty()) return answer(end);
  const std::lock_guard lock(answering_);
  const auto launched = unanswered_.find(end.attempt);
  const std::uint64_t fingerprint = launched == unanswered_.end() ? 0 : launched->second;
  if (launched != unanswered_.end()) unanswered_.erase(launched);
  if (!orphaned_) return answer(end);
  if (!end.result.succeeded || end.killed) return;  // the task runs again
  leave_behind(end, fingerprint);
  untold_.emplace_back(wire_of(end), fingerprint);
}

void ExecutorProcess::answer(const AttemptEnd& end) {
  if (slots_.waiting() > 0) {
    tell_soon(wire_of(end));
  } else {
    tell(wire_of(end));
  }
}

// The driver is gone. What runs goes on, for a while: the next driver takes it over, or finds what came of it in the
// journal's directory.
bool ExecutorProcess::find_next_driver() {
  constexpr std::chrono::seconds longest(60);
  constexpr std::chrono::milliseconds between_looks(50);
  driver_.shut_down();  // nobody waits there any longer to send
  {
    const std::lock_guard lock(answering_);
    orphaned_ = true;
    for (const AttemptId& attempt : slots_.forget_waiting()) unanswered_.erase(attempt);
  }
  const auto end = std::chrono::steady_clock::now() + longest;
  while (!slots_.wait_until_idle(between_looks) && std::chrono::steady_clock::now() < end) {
    if (!can_be_adopted()) continue;
    if (!succession_.there()) return false;  // the run is over
    const auto notice = succession_.announced();
    if (!notice || notice->life <= life_) continue;
    const Answer answer = rejoin(*notice);
    if (answer != Answer::silence) return answer == Answer::taken;
  }
  return false;
}

ExecutorProcess::Answer ExecutorProcess::rejoin(const DriverNotice& notice) try {
  if (notice.tls != seat_.membership.tls) return Answer::refused;  // nothing of what is open here could be used
  DriverStreams streams;
  streams.driver = prove_to(notice.address, seat_.membership);
  streams.driver.send(rpc::frame(what_there_is()), connect_time);
  rpc::Frame frame;
  if (!rpc::receive_frame(streams.driver, frame, connect_time)) return Answer::silence;
  if (frame.kind == rpc::Leave::kind) return Answer::refused;
  const auto welcome = rpc::decode_message<rpc::Welcome>(frame.payload);
  streams.crash_line = open_crash_line(notice.address, seat_.membership, welcome.executor);
  change_drivers(std::move(streams), welcome, notice);
  fmt::print(stderr, "millrace: executor {} was adopted by the next driver\n", welcome.executor);
  return Answer::taken;
} catch (const Error&) {
  return Answer::silence;  // that driver is gone, too, or is none
}

rpc::Rejoin ExecutorProcess::what_there_is() {
  rpc::Rejoin out;
  out.join = join_message(seat_, blocks_);
  out.executor = welcome_.executor;
  out.slots = welcome_.slots;
  out.memory_bytes = welcome_.memory_bytes;
  out.broadcasts = exec::broadcast_store().checksums();
  const std::lock_guard lock(answering_);
  for (const auto& [attempt, fingerprint] : unanswered_) out.running.emplace_back(wire_of(attempt), fingerprint);
  for (const auto& [end, fingerprint] : untold_) out.running.emplace_back(end.attempt, fingerprint);
  return out;
}

// What the last driver has said is not true any more. Numbers of cached datasets mean what the next one says.
void ExecutorProcess::change_drivers(DriverStreams streams, const rpc::Welcome& welcome, const DriverNotice& notice) {
  {
    const std::lock_guard lock(mutex_);
    stages_.clear();
    skips_.clear();
    locations_.clear();
  }
  stores_.cache.begin_anew();
  broadcasts_.set_driver(notice.address);
  report_crashes_on(streams.crash_line.descriptor(), seat_.membership.secret);
  crash_line_ = std::move(streams.crash_line);
  if (seat_.driver_is_lost) std::thread(seat_.driver_is_lost).detach();
  const std::lock_guard answering(answering_);
  {
    const std::lock_guard sending(sending_);
    driver_ = std::move(streams.driver);
    outbox_.clear();
  }
  life_ = welcome.life;
  heartbeat_ = welcome.heartbeat;
  watched_ = welcome.watched != 0;
  for (const auto& [end, fingerprint] : untold_) tell(end);
  untold_.clear();
  orphaned_ = false;
}

void ExecutorProcess::leave_behind(const AttemptEnd& end, std::uint64_t fingerprint) try {
  const auto header = journal::file_header();
  std::vector<std::byte> bytes(header.begin(), header.end());
  journal::append_record(bytes, bytes.size(), journal::LeftBehind{wire_of(end), fingerprint});
  storage::FileSystem& files = storage::local_file_system();
  const std::string path = kept_.end_path(end.attempt);
  auto file = files.create(path + ".new");
  file->write(bytes);
  file->close();
  files.rename(path + ".new", path);
} catch (const Error&) {
  return;  // the task runs again, as it does when its executor ends with its driver
}

void ExecutorProcess::send_result(const AttemptId& attempt, exec::Output output) {
  std::uint64_t bytes_read = 0;
  for (auto& partition : output.partitions) {
    exec::StoredBlockStream blocks([this](std::size_t bytes) { return stores_.memory.pages(bytes); },
                                   std::move(partition), &bytes_read);
    for (internal::Block block; blocks.next(block);) {
      rpc::ResultBlock message;
      message.attempt = wire_of(attempt);
      message.bytes = {reinterpret_cast<const char*>(block.bytes.data()), block.bytes.size()};
      tell(message);
    }
  }
}

void ExecutorProcess::beat() {
  for (;;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(heartbeat_));
    rpc::Alive alive;
    slots_.progress(
        [&](const AttemptId& attempt, std::uint64_t bytes) { alive.progress.emplace_back(wire_of(attempt), bytes); });
    tell(alive);
  }
}

rpc::Welcome join(rpc::Socket& driver, const Seat& seat, const rpc::Address& blocks) {
  driver.send(rpc::frame(join_message(seat, blocks)), connect_time);
  rpc::Frame frame;
  if (!rpc::receive_frame(driver, frame, connect_time)) {
    throw Error(Cause::lost_node, driver.peer() + ": the driver did not take this executor");
  }
  if (frame.kind == rpc::Leave::kind) {
    const std::string reason = rpc::decode_message<rpc::Leave>(frame.payload).reason;
    if (reason == run_over) _exit(0);  // it is not needed any more: nothing has failed
    throw Error(Cause::usage, reason);
  }
  return rpc::decode_message<rpc::Welcome>(frame.payload);
}

}  // namespace

std::optional<Seat> seat_of_this_process() {
  const char* value = std::getenv(executor_variable);
  if (value == nullptr) {
    const auto task = slurm_task();
    if (!task || task->rank == 0) return std::nullopt;
    auto seat = seat_in_slurm(*task);
    if (!seat) _exit(0);  // the run needed no more executors: for Slurm this task has not failed
    return seat;
  }
  if (std::strcmp(value, host_word) == 0) serve_host();
  if (std::strcmp(value, told_word) == 0) return told_seat();
  const std::string text = value;
  constexpr std::string_view added_by_slurm = "slurm:";
  if (text.starts_with(added_by_slurm)) {
    auto seat = seat_of_added(text.substr(added_by_slurm.size()));
    if (!seat) _exit(0);  // not wanted any more
    return seat;
  }
  const std::size_t comma = text.rfind(',');
  if (comma == std::string::npos)
    throw Error(Cause::usage, fmt::format("{}={}: names no run", executor_variable, text));
  const std::string directory = text.substr(0, comma);
  Seat seat;
  seat.membership = RunDirectory::membership_in(directory);
  seat.driver = RunDirectory::driver_in(directory);
  seat.ticket = static_cast<std::uint32_t>(std::stoul(text.substr(comma + 1)));
  const char* node = std::getenv("SLURMD_NODENAME");
  seat.host = node != nullptr ? node : "this machine";
  seat.rack = slurm_rack();
  return seat;
}

void run_executor(const Seat& seat) {
  // Ctrl-C on a terminal reaches all of its processes; what becomes of the run is the driver's to say.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  unsetenv(executor_variable);  // what tasks start are no executors
  try {
    DriverStreams streams;
    streams.driver = prove_to(seat.driver, seat.membership);
    rpc::Listener listener({streams.driver.local_host(), 0});
    rpc::Welcome welcome = join(streams.driver, seat, listener.address());
    // Another machine has temporary directories of its own.
    if (seat.remote && !std::filesystem::is_directory(welcome.tmp)) welcome.tmp = Options::defaults().tmp;
    streams.crash_line = open_crash_line(seat.driver, seat.membership, welcome.executor);
    // Not destroyed: attempts may be in the middle of user code, which nobody can stop.
    auto* process = new ExecutorProcess(std::move(streams), seat, welcome, std::move(listener));
    const std::string reason = process->run();
    if (reason != run_over) {
      fmt::print(stderr, "millrace: executor {} ends: {}\n", welcome.executor, reason);
      if (seat.driver_is_lost) seat.driver_is_lost();
    }
  } catch (const Error& error) {
    if (seat.run_is_over && seat.run_is_over()) _exit(0);
    fmt::print(stderr, "millrace: executor: {}\n", error.what());
    std::fflush(nullptr);
    _exit(1);
  }
  std::fflush(nullptr);
  _exit(0);
}

}  // namespace millrace::cluster
