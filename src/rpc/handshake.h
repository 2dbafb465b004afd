#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "rpc/socket.h"

// Both ends of a stream prove that they know the run's secret before a single message is read: a challenge from each
// side, answered by its keyed hash (HMAC, RFC 2104). What arrives before that is of fixed size and is only compared.

namespace millrace::rpc {

/// What the processes of one run share, and nobody else knows.
using Secret = std::array<std::byte, 32>;

Secret make_secret();
/// A file that only its owner may read, and back. Throws Error(output) and Error(input).
void write_secret(const std::string& path, const Secret& secret);
Secret read_secret(const std::string& path);

/// The end that called connect(). Throws Error(lost_node) when the other does not know the secret, or does not answer
/// in time.
void prove_to_server(Socket& socket, const Secret& secret, Socket::Timeout timeout);
/// The end that accepted. Throws Error(lost_node).
void prove_to_client(Socket& socket, const Secret& secret, Socket::Timeout timeout);

}  // namespace millrace::rpc
