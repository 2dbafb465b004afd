#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "rpc/socket.h"

// Both ends of a stream prove that they know the run's secret before a single message is read: a challenge from each
// side, answered by its keyed hash (HMAC, RFC 2104). What arrives before that is of fixed size and is only compared.
// In a run whose streams are encrypted TLS begins right behind it, with a key that follows from the secret and both
// challenges: a stranger does not come as far as the TLS library.

namespace millrace::rpc {

/// What the processes of one run share, and nobody else knows.
using Secret = std::array<std::byte, 32>;

/// What makes a process one of a run.
struct Membership {
  Secret secret{};
  bool tls = false;  ///< all streams of the run are encrypted
};

Secret make_secret();
/// A file that only its owner may read, and back. Throws Error(output) and Error(input).
void write_secret(const std::string& path, const Secret& secret);
Secret read_secret(const std::string& path);

/// The end that called connect(). Throws Error(lost_node) when the other does not know the secret, encrypts where this
/// one does not (or the other way), or does not answer in time.
void prove_to_server(Socket& socket, const Membership& membership, Socket::Timeout timeout);
/// The end that accepted. Throws Error(lost_node).
void prove_to_client(Socket& socket, const Membership& membership, Socket::Timeout timeout);

}  // namespace millrace::rpc
