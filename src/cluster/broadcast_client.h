#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "cluster/block_client.h"
#include "exec/remote_outputs.h"

namespace millrace::cluster {

/// Gets broadcast values from where the driver says: from itself for the first two that ask, from one of those that
/// asked earlier for all others. Each value once a process. Thread-safe.
class BroadcastClient final : public exec::RemoteBroadcasts {
 public:
  BroadcastClient(BlockClient& blocks, const rpc::Address& driver, ExecutorId self)
      : blocks_(blocks), self_(self), driver_(driver) {}

  /// The values come from there from here on.
  void set_driver(const rpc::Address& driver);
  void fetch(std::uint32_t id) override;

 private:
  std::vector<std::byte> receive(const rpc::Address& from, std::uint32_t id, std::uint64_t bytes);

  BlockClient& blocks_;
  const ExecutorId self_;
  std::mutex mutex_;
  rpc::Address driver_;
  std::map<std::uint32_t, std::unique_ptr<std::mutex>> under_way_;
};

}  // namespace millrace::cluster
