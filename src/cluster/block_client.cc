#include "cluster/block_client.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <thread>

#include "rpc/frame.h"
#include "rpc/messages.h"
#include "storage/spill_file.h"

namespace millrace::cluster {
namespace {

constexpr unsigned most_tries = 4;
constexpr std::chrono::milliseconds first_pause{50};
constexpr std::uint64_t most_block_bytes = std::uint64_t{8} << 30;  // no single element is larger

/// Takes messages and blocks from a stream to another executor's block server.
class BlockReader {
 public:
  BlockReader(ExecutorId executor, rpc::Socket::Timeout patience,
              std::function<internal::Pages(std::size_t)> take_pages)
      : executor_(executor), patience_(patience), take_pages_(std::move(take_pages)) {}

  template <class Message>
  Message expect(rpc::Socket& socket) {
    if (!rpc::receive_frame(socket, frame_, patience_)) {
      throw Error(Cause::lost_node, socket.peer() + ": the other side closed the connection");
    }
    if (frame_.kind == rpc::Lost::kind) {
      const auto lost = rpc::decode_message<rpc::Lost>(frame_.payload);
      throw Error(Cause::lost_input,
                  fmt::format("output {} of executor {} is gone: {}", lost.map_task, executor_, lost.reason));
    }
    if (frame_.kind != Message::kind) {
      throw Error(Cause::lost_node, fmt::format("{}: unexpected message of kind {}", socket.peer(), frame_.kind));
    }
    return rpc::decode_message<Message>(frame_.payload);
  }

  void receive_block(rpc::Socket& socket, internal::Block& block) {
    const auto header = expect<rpc::BlockHeader>(socket);
    if (header.raw_bytes > most_block_bytes || header.stored_bytes > header.raw_bytes + 8) {
      throw Error(Cause::lost_node,
                  fmt::format("{}: a block claims to have {} bytes", socket.peer(), header.raw_bytes));
    }
    auto pages = std::make_shared<internal::Pages>(take_pages_(header.raw_bytes));
    const std::span<std::byte> into(pages->data(), header.raw_bytes);
    if (header.from_file == 0) {
      socket.receive(into, patience_);
      if (storage::block_checksum(into) != header.checksum) {
        throw Error(Cause::lost_node, socket.peer() + ": a block arrived with a wrong checksum");
      }
    } else {
      stored_.resize(header.stored_bytes);
      socket.receive(stored_, patience_);
      storage::unpack_block({header.offset, header.stored_bytes, header.raw_bytes}, stored_, into,
                            fmt::format("executor {}", executor_));
    }
    block = {std::move(pages), into};
  }

 private:
  const ExecutorId executor_;
  const rpc::Socket::Timeout patience_;
  const std::function<internal::Pages(std::size_t)> take_pages_;
  rpc::Frame frame_;
  std::vector<std::byte> stored_;
};

class FetchStream final : public exec::RemoteStream {
 public:
  FetchStream(BlockClient& client, ExecutorId executor, rpc::Fetch request,
              std::function<internal::Pages(std::size_t)> take_pages, std::uint64_t* bytes_read)
      : client_(client),
        executor_(executor),
        address_(client.address(executor)),
        request_(std::move(request)),
        blocks_(executor, client.patience(), std::move(take_pages)),
        bytes_read_(bytes_read) {
    try {
      ask();  // what it sends ahead waits in the network's buffers while others are read
    } catch (const Error&) {
      socket_ = {};  // next() tries again, and says what is wrong
    }
  }

  ~FetchStream() override {
    if (finished_) client_.give_back(address_, std::move(socket_));
  }

  bool next(std::uint32_t map_task, internal::Block& block) override {
    while (at_ < request_.map_tasks.size() && request_.map_tasks[at_] < map_task) advance();
    for (unsigned tries = 1;; ++tries) {
      try {
        if (!socket_) ask();
        return read(map_task, block);
      } catch (const Error& error) {
        if (error.cause() != Cause::lost_node) throw;
        socket_ = {};
        if (tries == most_tries) {
          unreachable_ = true;
          throw Error(Cause::lost_input,
                      fmt::format("the outputs on executor {} cannot be fetched: {}", executor_, error.what()));
        }
        std::this_thread::sleep_for(first_pause * (1u << tries));
      }
    }
  }

  bool unreachable() const override { return unreachable_; }

 private:
  void advance() {
    ++at_;
    given_ = 0;
  }

  // Asks for what has not been read yet.
  void ask() {
    rpc::Fetch rest{request_.shuffle, request_.partition, {}};
    rest.map_tasks.assign(request_.map_tasks.begin() + static_cast<std::ptrdiff_t>(at_), request_.map_tasks.end());
    socket_ = client_.take(address_);
    socket_.send(rpc::frame(rest), client_.patience());
    announced_ = false;
    skip_ = given_;
  }

  bool read(std::uint32_t map_task, internal::Block& block) {
    if (!announced_) receive_output(map_task);
    while (left_ != 0) {
      --left_;
      blocks_.receive_block(socket_, block);
      if (skip_ != 0) {
        --skip_;
        continue;
      }
      ++given_;
      *bytes_read_ += block.bytes.size();
      return true;
    }
    announced_ = false;
    advance();
    if (at_ == request_.map_tasks.size()) {
      blocks_.expect<rpc::Fetched>(socket_);
      finished_ = true;
    }
    return false;
  }

  void receive_output(std::uint32_t map_task) {
    const auto output = blocks_.expect<rpc::MapOutput>(socket_);
    if (output.map_task != map_task) {
      throw Error(Cause::lost_node,
                  fmt::format("{}: sent map task {} in the place of {}", socket_.peer(), output.map_task, map_task));
    }
    left_ = output.blocks;
    announced_ = true;
  }

  BlockClient& client_;
  const ExecutorId executor_;
  const rpc::Address address_;
  const rpc::Fetch request_;
  BlockReader blocks_;
  std::uint64_t* const bytes_read_;
  rpc::Socket socket_;
  std::size_t at_ = 0;       // the map task at hand, in the request
  std::uint32_t given_ = 0;  // blocks of it that the reader has had
  std::uint32_t skip_ = 0;   // of those, what is still to be passed over after asking again
  std::uint32_t left_ = 0;   // blocks of it that are still to come
  bool announced_ = false;
  bool finished_ = false;
  bool unreachable_ = false;
};

/// A cached partition. What is lost on the way is not asked for again: its reader has another way to come by it.
class CachedStream final : public internal::BlockStream {
 public:
  CachedStream(BlockClient& client, ExecutorId executor, const rpc::FetchCached& request,
               std::function<internal::Pages(std::size_t)> take_pages, std::uint64_t* bytes_read)
      : client_(client),
        address_(client.address(executor)),
        blocks_(executor, client.patience(), std::move(take_pages)),
        bytes_read_(bytes_read) {
    for (unsigned tries = 1;; ++tries) {
      try {
        socket_ = client_.take(address_);
        socket_.send(rpc::frame(request), client_.patience());
        left_ = blocks_.expect<rpc::MapOutput>(socket_).blocks;
        return;
      } catch (const Error& error) {  // the stream may have lain idle until its other end broke
        if (error.cause() != Cause::lost_node || tries == most_tries) throw;
      }
    }
  }

  bool next(internal::Block& block) override {
    if (left_ == 0) {
      blocks_.expect<rpc::Fetched>(socket_);
      client_.give_back(address_, std::move(socket_));
      return false;
    }
    --left_;
    blocks_.receive_block(socket_, block);
    *bytes_read_ += block.bytes.size();
    return true;
  }

 private:
  BlockClient& client_;
  const rpc::Address address_;
  BlockReader blocks_;
  std::uint64_t* const bytes_read_;
  rpc::Socket socket_;
  std::uint32_t left_ = 0;
};

}  // namespace

void BlockClient::set_address(ExecutorId executor, const rpc::Address& address) {
  const std::lock_guard lock(mutex_);
  addresses_[executor] = address;
}

rpc::Address BlockClient::address(ExecutorId executor) const {
  const std::lock_guard lock(mutex_);
  const auto found = addresses_.find(executor);
  if (found == addresses_.end())
    throw Error(Cause::internal, fmt::format("executor {} has no known address", executor));
  return found->second;
}

std::unique_ptr<exec::RemoteStream> BlockClient::open(ExecutorId executor, ShuffleId shuffle, std::uint32_t partition,
                                                      std::vector<std::uint32_t> map_tasks,
                                                      std::function<internal::Pages(std::size_t)> take_pages,
                                                      std::uint64_t* bytes_read) {
  return std::make_unique<FetchStream>(*this, executor, rpc::Fetch{shuffle.value, partition, std::move(map_tasks)},
                                       std::move(take_pages), bytes_read);
}

std::unique_ptr<internal::BlockStream> BlockClient::open_cached(ExecutorId executor, NodeId node,
                                                                std::uint32_t partition,
                                                                std::function<internal::Pages(std::size_t)> take_pages,
                                                                std::uint64_t* bytes_read) {
  return std::make_unique<CachedStream>(*this, executor, rpc::FetchCached{node.value, partition}, std::move(take_pages),
                                        bytes_read);
}

rpc::Socket BlockClient::take(const rpc::Address& address) {
  {
    const std::lock_guard lock(mutex_);
    auto& idle = idle_[address.text()];
    if (!idle.empty()) {
      rpc::Socket socket = std::move(idle.back());
      idle.pop_back();
      return socket;
    }
  }
  rpc::Socket socket = rpc::Socket::connect(address, patience_);
  rpc::prove_to_server(socket, membership_, patience_);
  return socket;
}

void BlockClient::give_back(const rpc::Address& address, rpc::Socket socket) {
  const std::lock_guard lock(mutex_);
  idle_[address.text()].push_back(std::move(socket));
}

}  // namespace millrace::cluster
