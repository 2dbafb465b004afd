#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "rpc/handshake.h"

namespace millrace::rpc {

/// What a single message is encrypted and authenticated by, where a stream's encryption cannot be used: in a signal
/// handler. Sealing neither allocates nor locks nor asks the system for anything.
class Seal {
 public:
  /// How much longer than the message the sealed one is.
  static constexpr std::size_t overhead = 40;

  /// For one message: the next one needs another seal.
  explicit Seal(const Secret& secret);
  /// `out` is by `overhead` longer than the message.
  void close(std::span<const std::byte> message, std::span<std::byte> out) const noexcept;
  /// False when it was not sealed by somebody who knows the secret.
  static bool open(const Secret& secret, std::span<const std::byte> sealed, std::span<std::byte> message);

 private:
  std::array<std::byte, 32> key_;
  std::array<std::byte, 24> nonce_;
};

}  // namespace millrace::rpc
