#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include <millrace/codec.h>

#include "rpc/socket.h"

// Messages on a stream: the payload's length in four bytes (least significant first), the kind in one, the payload.

namespace millrace::rpc {

constexpr std::size_t frame_header_bytes = 5;
/// No message is longer. What is announced is believed only as far as it arrives: a peer that promises much makes
/// nobody allocate much.
constexpr std::uint32_t most_frame_bytes = std::uint32_t{256} << 20;

struct Frame {
  std::uint8_t kind = 0;
  std::vector<std::byte> payload;
};

/// The message as bytes of a stream, appended to `out`. Message has a `kind` and a codec.
template <class Message>
void append_frame(std::vector<std::byte>& out, const Message& message) {
  const std::size_t size = Codec<Message>::size(message);
  if (size > most_frame_bytes) {
    throw Error(Cause::usage, "a message of " + std::to_string(size) + " bytes is too long for the wire; " +
                                  std::to_string(most_frame_bytes) + " is the limit");
  }
  const std::size_t begin = out.size();
  out.resize(begin + frame_header_bytes + size);
  const auto length = static_cast<std::uint32_t>(size);
  std::memcpy(out.data() + begin, &length, sizeof length);
  out[begin + sizeof length] = static_cast<std::byte>(Message::kind);
  Codec<Message>::encode(message, out.data() + begin + frame_header_bytes);
}

template <class Message>
std::vector<std::byte> frame(const Message& message) {
  std::vector<std::byte> out;
  append_frame(out, message);
  return out;
}

/// Throws Error(bad_data) for bytes that are not that message, or more than it.
template <class Message>
Message decode_message(std::span<const std::byte> payload) {
  Decoder in(payload);
  Message message = in.get<Message>();
  if (!in.done()) throw Error(Cause::bad_data, "a message goes on after its end");
  return message;
}

/// Blocks until a whole message is there. Returns false at the end of the stream. Throws Error(lost_node), and
/// Error(bad_data) for a length beyond the limit.
bool receive_frame(Socket& socket, Frame& frame, Socket::Timeout timeout = Socket::forever);

/// Cuts messages out of bytes as they arrive, for a reader that must not block.
class FrameBuffer {
 public:
  /// Room for more bytes, at least 64 KiB; received() says how many came.
  std::span<std::byte> room();
  void received(std::size_t bytes) { end_ += bytes; }
  /// The next whole message, as a view that is valid until the next call of room(). Throws Error(bad_data).
  bool next(std::uint8_t& kind, std::span<const std::byte>& payload);

 private:
  std::vector<std::byte> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace millrace::rpc
