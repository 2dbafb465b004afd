#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

struct ssl_st;

namespace millrace::rpc {

/// The key of one stream's encryption: known to its two ends, and different for each stream.
using StreamKey = std::array<std::byte, 32>;

/// One end of a TLS 1.3 stream (RFC 8446) over a socket. There are no certificates: either end proves by the pre-shared
/// key that it is who it must be, and fresh Diffie-Hellman keys keep what was said secret even from those who learn
/// that key later. OpenSSL's library is loaded when it is first needed.
///
/// Nothing here waits: a step that the network is not ready for says so, and is made again. Any thread, one at a time
/// in each direction.
class Tls {
 public:
  enum class End : bool { client, server };
  /// What a step waits for before it can be made again.
  enum class Wait : std::uint8_t { nothing, readable, writable };
  /// So many records are encrypted by one key; then the sender takes the next one. AES-GCM bears 2^24.5 full records.
  static constexpr std::uint64_t usual_records_a_key = std::uint64_t{1} << 23;

  /// The socket must be non-blocking, and stays its owner's. Throws Error(lost_node) when the library is not there.
  Tls(int socket, End end, const StreamKey& key, std::uint64_t records_a_key = usual_records_a_key);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  struct Step {
    std::size_t bytes = 0;
    Wait wait = Wait::nothing;
    int error = 0;       ///< of the system, when the stream is broken
    bool over = false;   ///< the other side has ended the stream
    bool fault = false;  ///< what came is no TLS of somebody who knows the key
  };
  /// Once, until it waits for nothing.
  Step shake_hands();
  Step read(std::span<std::byte> into);
  /// When it has to wait, the same bytes must come first in the next step.
  Step write(std::span<const std::byte> bytes);

 private:
  struct Network;
  Step result_of(int returned);

  std::mutex mutex_;
  std::unique_ptr<Network> network_;
  ssl_st* ssl_ = nullptr;
  StreamKey key_;
  const std::uint64_t records_a_key_;
  std::uint64_t written_ = 0;  // by the present key
};

}  // namespace millrace::rpc
