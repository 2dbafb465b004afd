#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "exec/stores.h"
#include "rpc/frame.h"
#include "rpc/handshake.h"
#include "rpc/messages.h"
#include "rpc/socket.h"

namespace millrace::cluster {

/// The port of a process: takes streams of peers that know the run's secret, a thread each, and gives them blocks of
/// map outputs, cached partitions and broadcast values. Files go from the disk to the network without passing through
/// this process.
///
/// A reader that does not read holds its own stream only, and what the network's buffers take of it.
class BlockServer {
 public:
  /// What a process answers beyond blocks. Each may be empty.
  struct Handlers {
    /// Takes over a stream whose first message is a Join.
    std::function<void(rpc::Socket, const rpc::Join&)> join;
    /// Takes over a stream whose first message is a Rejoin.
    std::function<void(rpc::Socket, const rpc::Rejoin&)> rejoin;
    /// Takes over an executor's crash line.
    std::function<void(rpc::Socket, const rpc::CrashLine&)> crash_line;
    std::function<rpc::BroadcastAt(const rpc::AskBroadcast&)> ask_broadcast;
    /// Makes sure that a broadcast value is in the store before it is given on; may throw.
    std::function<void(std::uint32_t id)> want_broadcast;
  };

  /// `stores` may be null: a driver has no map outputs.
  BlockServer(const rpc::Membership& membership, exec::Stores* stores, Handlers handlers);
  ~BlockServer();
  BlockServer(const BlockServer&) = delete;
  BlockServer& operator=(const BlockServer&) = delete;

  /// From here on streams are taken there, too.
  void listen(rpc::Listener listener);
  /// Bytes of broadcast values that went out, and of blocks.
  std::uint64_t broadcast_bytes_sent() const { return broadcast_bytes_sent_.load(); }

 private:
  struct Stream {
    rpc::Socket socket;
    std::thread thread;
    std::atomic<bool> over = false;
  };

  struct Acceptor {
    rpc::Listener listener;
    std::thread thread{};
  };

  void accept(Acceptor& acceptor);
  void collect_ended();
  void serve(Stream& stream);
  rpc::Socket hand_over(Stream& stream);
  void answer(rpc::Socket& socket, const rpc::Frame& request);
  void send_outputs(rpc::Socket& socket, const rpc::Fetch& fetch);
  void send_cached(rpc::Socket& socket, const rpc::FetchCached& fetch);
  void send_output(rpc::Socket& socket, const exec::Output& output, std::uint32_t partition, std::uint32_t map_task);
  void send_broadcast(rpc::Socket& socket, std::uint32_t id);

  const rpc::Membership membership_;
  exec::Stores* const stores_;
  const Handlers handlers_;
  std::mutex mutex_;
  std::list<Stream> streams_;
  bool stopping_ = false;
  std::atomic<std::uint64_t> broadcast_bytes_sent_{0};
  std::list<Acceptor> acceptors_;
};

}  // namespace millrace::cluster
