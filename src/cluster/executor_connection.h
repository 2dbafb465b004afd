#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cluster/executors.h"
#include "exec/block_store.h"
#include "rpc/frame.h"
#include "rpc/messages.h"
#include "rpc/seal.h"
#include "rpc/socket.h"

namespace millrace::cluster {

/// The driver's end of the stream of one executor process, from its welcome until it is given up: what is on its way,
/// what the executor has been told, and which attempts it owes an answer for. What RemoteExecutors' loop alone touches
/// and what its mutex guards are kept apart below.
struct ExecutorConnection {
  using Clock = std::chrono::steady_clock;
  using Take = std::function<void(std::uint8_t kind, std::span<const std::byte> payload)>;

  explicit ExecutorConnection(const rpc::Join& join);

  ExecutorId id;
  std::uint32_t ticket = 0;
  std::string host;
  std::string rack;
  rpc::Address blocks;
  rpc::Socket socket;
  rpc::Socket crash_line;
  // Of the thread that waits on the streams:
  rpc::FrameBuffer in;
  Clock::time_point heard;
  std::map<AttemptId, std::unique_ptr<exec::BlockWriter>> results;
  std::string fault;  // why it must be given up; empty while all is well
  bool gone = false;  // it has closed the stream
  // Under the mutex:
  std::vector<std::byte> out;
  std::size_t sent = 0;
  bool blocked = false;  // by the network, which will say when it is ready
  std::set<std::pair<JobId, StageId>> stages;
  std::map<ShuffleId, std::uint64_t> locations;  // the version that it knows
  std::map<AttemptId, std::uint64_t> progress;
  std::map<AttemptId, Launch> running;
  std::set<AttemptId> unclaimed;                      // that it brought along, and nobody has claimed
  std::map<std::uint32_t, std::uint64_t> broadcasts;  // values that it brought along, not compared yet: checksums
  std::string misfit;                                 // why it must be given up, found by another thread
  bool surplus = false;                               // it leaves when it has answered for all
  std::string given_back;                             // why it was told to leave; empty: it was not

  /// From here on the loop that waits on `poll` is woken by the stream.
  void watch(int poll) const;
  void forget(int poll) const;
  /// Sends what there is as far as the network takes it now; the rest when it is ready again. Under the mutex.
  void flush(int poll);
  /// Takes what has come. What is wrong is the fault.
  void receive(const Take& take);
  /// Part of what an attempt gives.
  void take_result(const rpc::ResultBlock& message, exec::BlockStore& blocks_of_driver);
  /// The attempt is over. Returns what was launched; nothing when it is not one of this executor's.
  std::optional<Launch> take_off(const AttemptId& attempt);
  /// All of what it gave; nothing when there was none.
  std::optional<exec::Output> result_of(const AttemptId& attempt);
  /// Before the first task of a stage. Under the mutex.
  void tell_stage(const Launch& launch);
  void drop_job(JobId job);
  /// How the attempt ended that brought the process down, if one did; the fault then says so, too.
  std::optional<AttemptEnd> crash(const rpc::Secret& secret);
};

}  // namespace millrace::cluster
