#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <sys/types.h>

#include "rpc/tls.h"

namespace millrace::rpc {

/// Where a process listens.
struct Address {
  std::string host;  ///< a name, or a numeric address
  std::uint16_t port = 0;
  std::string text() const;
  friend bool operator==(const Address&, const Address&) = default;
};

/// A file descriptor that is closed with the object.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// A TCP stream, encrypted from encrypt() on. Blocking, each wait for at most the timeout; every failure is thrown as
/// Error(lost_node) that names the peer. One thread reads, one writes; any may shut it down.
class Socket {
 public:
  using Timeout = std::chrono::milliseconds;
  static constexpr Timeout forever{-1};

  Socket() = default;
  Socket(Descriptor descriptor, std::string peer);
  /// Tries every address of the host.
  static Socket connect(const Address& address, Timeout timeout);

  void send(std::span<const std::byte> bytes, Timeout timeout = forever);
  /// Two pieces that leave together.
  void send(std::span<const std::byte> first, std::span<const std::byte> second, Timeout timeout = forever);
  /// Sends part of a file; without copying it through this process where the stream is not encrypted.
  void send_file(int file, std::uint64_t offset, std::uint64_t bytes, Timeout timeout = forever);
  /// Fills all of `into`.
  void receive(std::span<std::byte> into, Timeout timeout = forever);
  /// As receive(), but false when the peer closed the stream before the first byte.
  bool receive_or_end(std::span<std::byte> into, Timeout timeout = forever);
  /// As receive_or_end(), of what the other side sends beside the encryption. From then on nothing else may be
  /// received.
  bool receive_raw_or_end(std::span<std::byte> into, Timeout timeout = forever);
  /// What is there already, and as much as the network takes at once, for a thread that serves many streams: nothing
  /// when that is nothing, 0 received bytes at the end of the stream.
  std::optional<std::size_t> receive_now(std::span<std::byte> into);
  std::size_t send_now(std::span<const std::byte> bytes);
  /// From here on all that goes through the stream is TLS between two ends that know the key.
  void encrypt(Tls::End end, const StreamKey& key, Timeout timeout);
  /// Ends both directions: whoever waits in another thread is thrown out.
  void shut_down() noexcept;

  int descriptor() const { return descriptor_.get(); }
  const std::string& peer() const { return peer_; }
  explicit operator bool() const { return static_cast<bool>(descriptor_); }
  /// The address of this end, numeric.
  std::string local_host() const;

 private:
  void wait(short events, Timeout timeout, const char* what);
  void wait(Tls::Wait wait, Timeout timeout, const char* what);
  std::optional<std::size_t> receive_raw_now(std::span<std::byte> into);
  std::optional<std::size_t> receive_encrypted_now(std::span<std::byte> into);
  using ReceiveNow = std::optional<std::size_t> (Socket::*)(std::span<std::byte>);
  bool fill(std::span<std::byte> into, Timeout timeout, ReceiveNow now);
  void check(const Tls::Step& step, const char* what) const;
  void send_encrypted(std::span<const std::byte> bytes, Timeout timeout);
  void send_file_encrypted(int file, off_t at, std::uint64_t bytes, Timeout timeout);

  Descriptor descriptor_;
  std::string peer_;
  std::unique_ptr<Tls> tls_;  // goes before the descriptor
};

/// Accepts streams on one address.
class Listener {
 public:
  /// Port 0: any that is free. Throws Error(input) that names the address when it cannot be had.
  explicit Listener(const Address& address);
  /// Waits for a stream; an empty Socket after shut_down().
  Socket accept();
  void shut_down() noexcept;
  const Address& address() const { return address_; }

 private:
  Address address_;
  Descriptor descriptor_;
};

}  // namespace millrace::rpc
