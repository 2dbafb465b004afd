#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <millrace/error.h>

#include "rpc/frame.h"
#include "rpc/messages.h"

// Whatever a peer sends is a message or an Error(bad_data); and what is one comes to the same bytes again.

namespace {

using namespace millrace::rpc;

template <class Message>
void check(std::span<const std::byte> payload) {
  try {
    const auto message = decode_message<Message>(payload);
    const auto again = frame(message);
    const auto second = decode_message<Message>(std::span(again).subspan(frame_header_bytes));
    if (frame(second) != again) __builtin_trap();
  } catch (const millrace::Error& error) {
    if (error.cause() != millrace::Cause::bad_data) __builtin_trap();
  }
}

template <class... Messages>
void check_kind(std::uint8_t kind, std::span<const std::byte> payload) {
  ((kind == Messages::kind ? check<Messages>(payload) : void()), ...);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FrameBuffer buffer;
  const auto bytes = std::as_bytes(std::span(data, size));
  for (std::size_t at = 0; at < bytes.size();) {
    const auto room = buffer.room();
    const std::size_t count = std::min(room.size(), bytes.size() - at);
    std::memcpy(room.data(), bytes.data() + at, count);
    buffer.received(count);
    at += count;
    try {
      std::uint8_t kind = 0;
      for (std::span<const std::byte> payload; buffer.next(kind, payload);) {
        check_kind<Join, Welcome, Alive, Ping, StageMessage, Locations, LaunchMessage, KillMessage, DropShuffle,
                   DropCached, DropJob, Leave, CrashLine, Rejoin, AttemptStarted, ResultBlock, AttemptEnded,
                   CacheChanged, Fetch, FetchCached, MapOutput, BlockHeader, Lost, Fetched, AskBroadcast, BroadcastAt,
                   FetchBroadcast, BroadcastPiece, SeatMessage, StartExecutor, EndExecutor, HostReady, ExecutorEnded>(
            kind, payload);
      }
    } catch (const millrace::Error& error) {
      if (error.cause() != millrace::Cause::bad_data) __builtin_trap();
      return 0;
    }
  }
  return 0;
}
