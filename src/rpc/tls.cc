#include "rpc/tls.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <sodium.h>
#include <sys/socket.h>

#include <millrace/error.h>

#include "rpc/tls_library.h"

namespace millrace::rpc {

// Where the library's bytes go. Its own sockets would raise SIGPIPE.
struct Tls::Network {
  int socket = -1;
  int error = 0;
  bool ended = false;

  static const BIO_METHOD* kind();
  static int write(BIO* bio, const char* bytes, int size);
  static int read(BIO* bio, char* bytes, int size);
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
  int failed(BIO* bio, int direction);
};

const BIO_METHOD* Tls::Network::kind() {
  static const BIO_METHOD* const made = [] {
    const TlsLibrary& library = tls_library();
    BIO_METHOD* method = library.kind_new(BIO_TYPE_SOURCE_SINK, "a stream of a run");
    library.kind_set_write(method, &write);
    library.kind_set_read(method, &read);
    library.kind_set_control(method, &control);
    return method;
  }();
  return made;
}

int Tls::Network::failed(BIO* bio, int direction) {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    tls_library().network_set_flags(bio, direction | BIO_FLAGS_SHOULD_RETRY);
  } else {
    error = errno;
  }
  return -1;
}

int Tls::Network::write(BIO* bio, const char* bytes, int size) {
  const TlsLibrary& library = tls_library();
  library.network_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
  auto* self = static_cast<Network*>(library.network_data(bio));
  const ssize_t sent = send(self->socket, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  return sent >= 0 ? static_cast<int>(sent) : self->failed(bio, BIO_FLAGS_WRITE);
}

int Tls::Network::read(BIO* bio, char* bytes, int size) {
  const TlsLibrary& library = tls_library();
  library.network_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
  auto* self = static_cast<Network*>(library.network_data(bio));
  const ssize_t count = recv(self->socket, bytes, static_cast<std::size_t>(size), 0);
  if (count == 0) self->ended = true;
  return count >= 0 ? static_cast<int>(count) : self->failed(bio, BIO_FLAGS_READ);
}

namespace {

// There is one key a stream, so that its name says nothing.
constexpr const char* key_name = "millrace";

unsigned give_key(SSL* ssl, unsigned char* into, unsigned room) {
  const auto* key = static_cast<const StreamKey*>(tls_library().data(ssl, 0));
  if (room < key->size()) return 0;
  std::memcpy(into, key->data(), key->size());
  return static_cast<unsigned>(key->size());
}

unsigned clients_key(SSL* ssl, const char*, char* name, unsigned name_room, unsigned char* key, unsigned key_room) {
  if (name_room <= std::strlen(key_name)) return 0;
  std::strcpy(name, key_name);
  return give_key(ssl, key, key_room);
}

unsigned servers_key(SSL* ssl, const char* name, unsigned char* key, unsigned key_room) {
  return std::strcmp(name, key_name) == 0 ? give_key(ssl, key, key_room) : 0;
}

SSL_CTX* context() {
  static SSL_CTX* const made = [] {
    const TlsLibrary& library = tls_library();
    SSL_CTX* out = library.context_new(library.method());
    if (out == nullptr) throw Error(Cause::lost_node, "the TLS library cannot be used on this machine");
    library.context_control(out, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_3_VERSION, nullptr);
    // Pre-shared keys go with SHA-256.
    library.set_ciphers(out, "TLS_AES_128_GCM_SHA256");
    library.set_tickets(out, 0);
    library.context_control(out, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, nullptr);
    library.context_control(out, SSL_CTRL_MODE, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER,
                            nullptr);
    return out;
  }();
  return made;
}

int limited(std::size_t bytes) {
  return static_cast<int>(std::min<std::size_t>(bytes, std::numeric_limits<int>::max()));
}

}  // namespace

Tls::Tls(int socket, End end, const StreamKey& key, std::uint64_t records_a_key)
    : network_(std::make_unique<Network>()), key_(key), records_a_key_(records_a_key) {
  const TlsLibrary& library = tls_library();
  network_->socket = socket;
  BIO* bio = library.network_new(Network::kind());
  ssl_ = library.stream_new(context());
  if (bio == nullptr || ssl_ == nullptr) throw Error(Cause::lost_node, "a stream cannot be encrypted: out of memory");
  library.network_set_data(bio, network_.get());
  library.network_set_ready(bio, 1);
  library.set_network(ssl_, bio, bio);
  library.set_data(ssl_, 0, &key_);
  if (end == End::client) {
    // A server that had a certificate instead of the key would prove nothing by it: nobody's is trusted.
    library.set_verify(ssl_, SSL_VERIFY_PEER, nullptr);
    library.set_client_key(ssl_, &clients_key);
    library.be_client(ssl_);
  } else {
    library.set_server_key(ssl_, &servers_key);
    library.be_server(ssl_);
  }
}

Tls::~Tls() {
  tls_library().stream_free(ssl_);
  sodium_memzero(key_.data(), key_.size());
}

Tls::Step Tls::result_of(int returned) {
  Step step;
  switch (tls_library().error(ssl_, returned)) {
    case SSL_ERROR_NONE:
      step.bytes = static_cast<std::size_t>(returned);
      break;
    case SSL_ERROR_WANT_READ:
      step.wait = Wait::readable;
      break;
    case SSL_ERROR_WANT_WRITE:
      step.wait = Wait::writable;
      break;
    case SSL_ERROR_ZERO_RETURN:
      step.over = true;
      break;
    default:
      // A stream that just ends is one whose other side is gone: what a whole message is, its length says.
      step.error = network_->error;
      step.over = step.error == 0 && network_->ended;
      step.fault = step.error == 0 && !network_->ended;
  }
  return step;
}

Tls::Step Tls::shake_hands() {
  const TlsLibrary& library = tls_library();
  const std::lock_guard lock(mutex_);
  library.clear_errors();
  const int returned = library.shake_hands(ssl_);
  Step step = result_of(returned);
  if (returned == 1 && library.used_key(ssl_) != 1) step.fault = true;
  return step;
}

Tls::Step Tls::read(std::span<std::byte> into) {
  const std::lock_guard lock(mutex_);
  tls_library().clear_errors();
  return result_of(tls_library().read(ssl_, into.data(), limited(into.size())));
}

Tls::Step Tls::write(std::span<const std::byte> bytes) {
  const TlsLibrary& library = tls_library();
  const std::lock_guard lock(mutex_);
  // Refused between a write that had to wait and its end: then it is the next one's turn.
  if (written_ >= records_a_key_ && library.next_key(ssl_, SSL_KEY_UPDATE_NOT_REQUESTED) == 1) written_ = 0;
  library.clear_errors();
  const Step step = result_of(library.write(ssl_, bytes.data(), limited(bytes.size())));
  if (step.bytes != 0) ++written_;  // a record at a time
  return step;
}

}  // namespace millrace::rpc
