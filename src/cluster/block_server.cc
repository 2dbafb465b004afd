#include "cluster/block_server.h"

#include <algorithm>
#include <fmt/format.h>

#include "exec/broadcast_store.h"

namespace millrace::cluster {
namespace {

constexpr rpc::Socket::Timeout handshake_time{5000};
constexpr std::size_t most_streams = 4096;  // unanswered handshakes among them, each for as long as its time

void send_stored(rpc::Socket& socket, const exec::StoredBlock& block) {
  const storage::SpillFile& file = *block.file;
  rpc::BlockHeader header;
  header.from_file = 1;
  header.stored_bytes = block.place.stored_bytes;
  header.raw_bytes = block.place.raw_bytes;
  header.offset = block.place.offset;
  if (file.descriptor() >= 0) {
    socket.send(rpc::frame(header));
    socket.send_file(file.descriptor(), block.place.offset, block.place.stored_bytes);
    return;
  }
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(block.place.stored_bytes);
  const std::span<std::byte> stored(memory.get(), block.place.stored_bytes);
  file.read_stored(block.place, stored);
  socket.send(rpc::frame(header), stored);
}

void send_from_memory(rpc::Socket& socket, std::span<const std::byte> bytes) {
  rpc::BlockHeader header;
  header.stored_bytes = header.raw_bytes = bytes.size();
  header.checksum = storage::block_checksum(bytes);
  socket.send(rpc::frame(header), bytes);
}

}  // namespace

BlockServer::BlockServer(const rpc::Membership& membership, exec::Stores* stores, Handlers handlers)
    : membership_(membership), stores_(stores), handlers_(std::move(handlers)) {}

void BlockServer::listen(rpc::Listener listener) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  Acceptor& acceptor = acceptors_.emplace_back(Acceptor{std::move(listener)});
  acceptor.thread = std::thread([this, &acceptor] { accept(acceptor); });
}

BlockServer::~BlockServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Stream& stream : streams_) stream.socket.shut_down();
  }
  for (Acceptor& acceptor : acceptors_) acceptor.listener.shut_down();
  for (Acceptor& acceptor : acceptors_) acceptor.thread.join();
  for (Stream& stream : streams_) stream.thread.join();
}

void BlockServer::accept(Acceptor& acceptor) {
  for (;;) {
    rpc::Socket socket = acceptor.listener.accept();
    if (!socket) return;
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    collect_ended();
    if (streams_.size() >= most_streams) continue;
    Stream& stream = streams_.emplace_back();
    stream.socket = std::move(socket);
    stream.thread = std::thread([this, &stream] {
      serve(stream);
      stream.over = true;
    });
  }
}

void BlockServer::collect_ended() {
  for (auto stream = streams_.begin(); stream != streams_.end();) {
    const auto here = stream++;
    if (!here->over) continue;
    here->thread.join();
    streams_.erase(here);
  }
}

// A peer that breaks off, or says what it should not, loses its stream and nothing else.
void BlockServer::serve(Stream& stream) try {
  rpc::prove_to_client(stream.socket, membership_, handshake_time);
  rpc::Frame request;
  while (rpc::receive_frame(stream.socket, request)) {
    if (request.kind == rpc::Join::kind && handlers_.join) {
      const auto join = rpc::decode_message<rpc::Join>(request.payload);
      if (rpc::Socket socket = hand_over(stream)) handlers_.join(std::move(socket), join);
      return;
    }
    if (request.kind == rpc::Rejoin::kind && handlers_.rejoin) {
      const auto rejoin = rpc::decode_message<rpc::Rejoin>(request.payload);
      if (rpc::Socket socket = hand_over(stream)) handlers_.rejoin(std::move(socket), rejoin);
      return;
    }
    if (request.kind == rpc::CrashLine::kind && handlers_.crash_line) {
      const auto line = rpc::decode_message<rpc::CrashLine>(request.payload);
      if (rpc::Socket socket = hand_over(stream)) handlers_.crash_line(std::move(socket), line);
      return;
    }
    answer(stream.socket, request);
  }
} catch (const Error&) {
  stream.socket.shut_down();
}

rpc::Socket BlockServer::hand_over(Stream& stream) {
  rpc::Socket socket;
  const std::lock_guard lock(mutex_);
  if (!stopping_) std::swap(socket, stream.socket);
  return socket;
}

void BlockServer::answer(rpc::Socket& socket, const rpc::Frame& request) {
  if (request.kind == rpc::Fetch::kind && stores_ != nullptr) {
    send_outputs(socket, rpc::decode_message<rpc::Fetch>(request.payload));
  } else if (request.kind == rpc::FetchCached::kind && stores_ != nullptr) {
    send_cached(socket, rpc::decode_message<rpc::FetchCached>(request.payload));
  } else if (request.kind == rpc::FetchBroadcast::kind) {
    send_broadcast(socket, rpc::decode_message<rpc::FetchBroadcast>(request.payload).id);
  } else if (request.kind == rpc::AskBroadcast::kind && handlers_.ask_broadcast) {
    socket.send(rpc::frame(handlers_.ask_broadcast(rpc::decode_message<rpc::AskBroadcast>(request.payload))));
  } else {
    throw Error(Cause::bad_data,
                fmt::format("{}: message of kind {}, which is none for here", socket.peer(), request.kind));
  }
}

void BlockServer::send_outputs(rpc::Socket& socket, const rpc::Fetch& fetch) {
  for (const std::uint32_t map_task : fetch.map_tasks) {
    const auto output = stores_->shuffles.output(ShuffleId{fetch.shuffle}, map_task);
    if (output == nullptr || fetch.partition >= output->partitions.size()) {
      socket.send(rpc::frame(rpc::Lost{map_task, "it is not there"}));
      return;
    }
    send_output(socket, *output, fetch.partition, map_task);
  }
  socket.send(rpc::frame(rpc::Fetched{}));
}

void BlockServer::send_cached(rpc::Socket& socket, const rpc::FetchCached& fetch) {
  const auto output = stores_->cache.get(NodeId{fetch.node}, fetch.partition);
  if (output == nullptr) {
    socket.send(rpc::frame(rpc::Lost{fetch.partition, "it is not cached"}));
    return;
  }
  send_output(socket, *output, 0, fetch.partition);
  socket.send(rpc::frame(rpc::Fetched{}));
}

void BlockServer::send_output(rpc::Socket& socket, const exec::Output& output, std::uint32_t partition,
                              std::uint32_t map_task) {
  const auto& blocks = output.partitions[partition];
  socket.send(rpc::frame(rpc::MapOutput{map_task, static_cast<std::uint32_t>(blocks.size())}));
  for (const exec::StoredBlock& block : blocks) {
    if (block.file != nullptr) {
      send_stored(socket, block);
    } else {
      send_from_memory(socket, block.memory.bytes);
    }
  }
}

void BlockServer::send_broadcast(rpc::Socket& socket, std::uint32_t id) {
  constexpr std::size_t piece_bytes = std::size_t{1} << 20;
  if (handlers_.want_broadcast) handlers_.want_broadcast(id);
  const std::span<const std::byte> value = exec::broadcast_store().bytes(id);
  std::size_t at = 0;
  do {
    const auto bytes = value.subspan(at, std::min(piece_bytes, value.size() - at));
    rpc::BroadcastPiece piece;
    piece.offset = at;
    piece.checksum = storage::block_checksum(bytes);
    piece.bytes = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    socket.send(rpc::frame(piece));
    broadcast_bytes_sent_ += bytes.size();
    at += bytes.size();
  } while (at < value.size());
}

}  // namespace millrace::cluster
