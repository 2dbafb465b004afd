#include "rpc/handshake.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <type_traits>
#include <unistd.h>

#include <millrace/error.h>

namespace millrace::rpc {
namespace {

using Nonce = std::array<std::byte, 32>;
using Proof = std::array<std::byte, crypto_auth_BYTES>;

constexpr std::array<char, 8> greeting = {'m', 'i', 'l', 'l', 'r', 'a', 'c', '1'};

static_assert(sizeof(Secret) == crypto_auth_KEYBYTES);

void random(std::span<std::byte> into) {
  if (sodium_init() < 0) throw Error(Cause::internal, "the cryptographic library cannot be used on this machine");
  randombytes_buf(into.data(), into.size());
}

unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }

// What is proved, or followed from the proof. Each side names its role, so that no proof of the one can be sent back as
// the other's; and whether it is going to encrypt, so that nobody in between can talk them out of it.
enum class Role : char { client = 'c', server = 's', encrypting_client = 'C', encrypting_server = 'S', key = 'k' };

Role client_role(const Membership& membership) { return membership.tls ? Role::encrypting_client : Role::client; }
Role server_role(const Membership& membership) { return membership.tls ? Role::encrypting_server : Role::server; }

Proof prove(const Role role, const Nonce& client, const Nonce& server, const Secret& secret) {
  std::array<std::byte, 1 + 2 * sizeof(Nonce)> text;
  text[0] = static_cast<std::byte>(role);
  std::memcpy(text.data() + 1, client.data(), client.size());
  std::memcpy(text.data() + 1 + client.size(), server.data(), server.size());
  Proof proof;
  crypto_auth(raw(proof.data()), raw(text.data()), text.size(), raw(secret.data()));
  return proof;
}

bool same(const Proof& a, const Proof& b) { return sodium_memcmp(a.data(), b.data(), a.size()) == 0; }

void encrypt(Socket& socket, Tls::End end, const Nonce& client, const Nonce& server, const Membership& membership,
             Socket::Timeout timeout) {
  if (!membership.tls) return;
  const Proof key = prove(Role::key, client, server, membership.secret);
  static_assert(std::is_same_v<Proof, StreamKey>);
  socket.encrypt(end, key, timeout);
}

[[noreturn]] void refuse(const Socket& socket) {
  throw Error(Cause::lost_node, socket.peer() + ": does not belong to this run");
}

}  // namespace

Secret make_secret() {
  Secret secret;
  random(secret);
  return secret;
}

void write_secret(const std::string& path, const Secret& secret) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const bool written = file && write(file.get(), secret.data(), secret.size()) == static_cast<ssize_t>(secret.size());
  if (!written) throw Error(Cause::output, fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
}

Secret read_secret(const std::string& path) {
  Secret secret;
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw Error(Cause::input, fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  if (read(file.get(), secret.data(), secret.size()) != static_cast<ssize_t>(secret.size())) {
    throw Error(Cause::input, path + ": is not the secret of a run");
  }
  return secret;
}

void prove_to_server(Socket& socket, const Membership& membership, Socket::Timeout timeout) {
  Nonce client;
  random(client);
  socket.send(std::as_bytes(std::span(greeting)), client, timeout);
  std::array<std::byte, sizeof(Nonce) + sizeof(Proof)> answer;
  socket.receive(answer, timeout);
  Nonce server;
  Proof proof;
  std::memcpy(server.data(), answer.data(), server.size());
  std::memcpy(proof.data(), answer.data() + server.size(), proof.size());
  if (!same(proof, prove(server_role(membership), client, server, membership.secret))) refuse(socket);
  socket.send(prove(client_role(membership), client, server, membership.secret), timeout);
  encrypt(socket, Tls::End::client, client, server, membership, timeout);
}

void prove_to_client(Socket& socket, const Membership& membership, Socket::Timeout timeout) {
  std::array<std::byte, sizeof greeting + sizeof(Nonce)> question;
  socket.receive(question, timeout);
  if (std::memcmp(question.data(), greeting.data(), greeting.size()) != 0) refuse(socket);
  Nonce client;
  std::memcpy(client.data(), question.data() + greeting.size(), client.size());
  Nonce server;
  random(server);
  socket.send(server, prove(server_role(membership), client, server, membership.secret), timeout);
  Proof proof;
  socket.receive(proof, timeout);
  if (!same(proof, prove(client_role(membership), client, server, membership.secret))) refuse(socket);
  encrypt(socket, Tls::End::server, client, server, membership, timeout);
}

}  // namespace millrace::rpc
