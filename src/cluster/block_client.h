#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "exec/remote_outputs.h"
#include "rpc/handshake.h"
#include "rpc/socket.h"

namespace millrace::cluster {

/// Streams to the block servers of other executors, kept for the next reader. A stream that breaks is opened again,
/// with longer and longer pauses, before the outputs behind it count as lost. Thread-safe.
class BlockClient final : public exec::RemoteOutputs {
 public:
  explicit BlockClient(const rpc::Membership& membership, rpc::Socket::Timeout patience)
      : membership_(membership), patience_(patience) {}

  /// Where an executor serves its blocks.
  void set_address(ExecutorId executor, const rpc::Address& address);

  std::unique_ptr<exec::RemoteStream> open(ExecutorId executor, ShuffleId shuffle, std::uint32_t partition,
                                           std::vector<std::uint32_t> map_tasks,
                                           std::function<internal::Pages(std::size_t)> take_pages,
                                           std::uint64_t* bytes_read) override;

  std::unique_ptr<internal::BlockStream> open_cached(ExecutorId executor, NodeId node, std::uint32_t partition,
                                                     std::function<internal::Pages(std::size_t)> take_pages,
                                                     std::uint64_t* bytes_read) override;

  /// A proven stream. Throws Error(lost_node).
  rpc::Socket take(const rpc::Address& address);
  /// A stream on which nothing is under way.
  void give_back(const rpc::Address& address, rpc::Socket socket);
  rpc::Address address(ExecutorId executor) const;
  rpc::Socket::Timeout patience() const { return patience_; }

 private:
  const rpc::Membership membership_;
  const rpc::Socket::Timeout patience_;
  mutable std::mutex mutex_;
  std::map<ExecutorId, rpc::Address> addresses_;
  std::map<std::string, std::vector<rpc::Socket>> idle_;
};

}  // namespace millrace::cluster
