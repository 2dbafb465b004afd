#include "rpc/frame.h"

#include <algorithm>
#include <fmt/format.h>

namespace millrace::rpc {
namespace {

constexpr std::size_t piece = std::size_t{64} << 10;

std::uint32_t length_of(std::span<const std::byte> header) {
  std::uint32_t length = 0;
  std::memcpy(&length, header.data(), sizeof length);
  if (length > most_frame_bytes) {
    throw Error(Cause::bad_data,
                fmt::format("a message claims to have {} bytes; {} is the limit", length, most_frame_bytes));
  }
  return length;
}

}  // namespace

bool receive_frame(Socket& socket, Frame& frame, Socket::Timeout timeout) {
  std::array<std::byte, frame_header_bytes> header;
  if (!socket.receive_or_end(header, timeout)) return false;
  const std::uint32_t length = length_of(header);
  frame.kind = static_cast<std::uint8_t>(header.back());
  frame.payload.clear();
  while (frame.payload.size() < length) {
    const std::size_t begin = frame.payload.size();
    const std::size_t more = std::min<std::size_t>(length - begin, std::max(piece, begin));
    frame.payload.resize(begin + more);
    socket.receive(std::span(frame.payload).subspan(begin), timeout);
  }
  return true;
}

std::span<std::byte> FrameBuffer::room() {
  if (begin_ != 0) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (bytes_.size() - end_ < piece) bytes_.resize(std::max(bytes_.size() * 2, end_ + piece));
  return std::span(bytes_).subspan(end_);
}

bool FrameBuffer::next(std::uint8_t& kind, std::span<const std::byte>& payload) {
  const std::span<const std::byte> there = std::span(bytes_).subspan(begin_, end_ - begin_);
  if (there.size() < frame_header_bytes) return false;
  const std::uint32_t length = length_of(there);
  if (there.size() - frame_header_bytes < length) return false;
  kind = static_cast<std::uint8_t>(there[sizeof length]);
  payload = there.subspan(frame_header_bytes, length);
  begin_ += frame_header_bytes + length;
  return true;
}

}  // namespace millrace::rpc
