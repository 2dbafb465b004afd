#include "cluster/broadcast_client.h"

#include <cstring>
#include <fmt/format.h>

#include "exec/broadcast_store.h"
#include "rpc/frame.h"
#include "rpc/messages.h"
#include "storage/spill_file.h"

namespace millrace::cluster {
namespace {

template <class Message>
Message receive_message(rpc::Socket& socket, rpc::Frame& frame, rpc::Socket::Timeout patience) {
  if (!rpc::receive_frame(socket, frame, patience) || frame.kind != Message::kind) {
    throw Error(Cause::lost_node, socket.peer() + ": did not give the broadcast value");
  }
  return rpc::decode_message<Message>(frame.payload);
}

}  // namespace

void BroadcastClient::set_driver(const rpc::Address& driver) {
  const std::lock_guard lock(mutex_);
  driver_ = driver;
}

void BroadcastClient::fetch(std::uint32_t id) {
  std::mutex* mine = nullptr;
  rpc::Address driver;
  {
    const std::lock_guard lock(mutex_);
    auto& entry = under_way_[id];
    if (entry == nullptr) entry = std::make_unique<std::mutex>();
    mine = entry.get();
    driver = driver_;
  }
  const std::lock_guard lock(*mine);
  if (exec::broadcast_store().has(id)) return;
  constexpr unsigned most_tries = 4;
  rpc::AskBroadcast question{id, self_.value, {}};
  for (unsigned tries = 1;; ++tries) {
    rpc::Socket socket = blocks_.take(driver);
    socket.send(rpc::frame(question), blocks_.patience());
    rpc::Frame frame;
    const auto place = receive_message<rpc::BroadcastAt>(socket, frame, blocks_.patience());
    blocks_.give_back(driver, std::move(socket));
    if (place.known == 0) throw Error(Cause::usage, "a broadcast value was used after its Context had ended");
    const rpc::Address from = place.host.empty() ? driver : rpc::Address{place.host, place.port};
    try {
      exec::broadcast_store().put(id, receive(from, id, place.bytes));
      return;
    } catch (const Error& error) {
      if (error.cause() != Cause::lost_node || tries == most_tries) throw;
      question.failed = from.text();
    }
  }
}

std::vector<std::byte> BroadcastClient::receive(const rpc::Address& from, std::uint32_t id, std::uint64_t bytes) {
  rpc::Socket socket = blocks_.take(from);
  socket.send(rpc::frame(rpc::FetchBroadcast{id}), blocks_.patience());
  std::vector<std::byte> value;
  rpc::Frame frame;
  do {
    const auto piece = receive_message<rpc::BroadcastPiece>(socket, frame, blocks_.patience());
    const auto content = std::as_bytes(std::span(piece.bytes));
    if (piece.offset != value.size() || content.size() > bytes - value.size() ||
        (content.empty() && value.size() != bytes) || storage::block_checksum(content) != piece.checksum) {
      throw Error(Cause::lost_node, fmt::format("{}: a piece of a broadcast value arrived broken", socket.peer()));
    }
    value.insert(value.end(), content.begin(), content.end());
  } while (value.size() != bytes);
  blocks_.give_back(from, std::move(socket));
  return value;
}

}  // namespace millrace::cluster
