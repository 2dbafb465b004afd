#include "rpc/seal.h"

#include <cstring>
#include <sodium.h>
#include <string_view>

#include <millrace/error.h>

namespace millrace::rpc {
namespace {

using Key = std::array<std::byte, crypto_secretbox_KEYBYTES>;

static_assert(Seal::overhead == crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES);

unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }

// The secret itself is for proofs alone.
Key key_of(const Secret& secret) {
  constexpr std::string_view purpose = "sealed message";
  Key key;
  static_assert(sizeof(Key) == crypto_auth_BYTES);
  crypto_auth(raw(key.data()), reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size(),
              raw(secret.data()));
  return key;
}

}  // namespace

Seal::Seal(const Secret& secret) {
  if (sodium_init() < 0) throw Error(Cause::internal, "the cryptographic library cannot be used on this machine");
  key_ = key_of(secret);
  randombytes_buf(nonce_.data(), nonce_.size());
}

void Seal::close(std::span<const std::byte> message, std::span<std::byte> out) const noexcept {
  std::memcpy(out.data(), nonce_.data(), nonce_.size());
  crypto_secretbox_easy(raw(out.data()) + nonce_.size(), raw(message.data()), message.size(), raw(nonce_.data()),
                        raw(key_.data()));
}

bool Seal::open(const Secret& secret, std::span<const std::byte> sealed, std::span<std::byte> message) {
  if (sealed.size() != message.size() + overhead) return false;
  const Key key = key_of(secret);
  return crypto_secretbox_open_easy(raw(message.data()), raw(sealed.data()) + crypto_secretbox_NONCEBYTES,
                                    sealed.size() - crypto_secretbox_NONCEBYTES, raw(sealed.data()),
                                    raw(key.data())) == 0;
}

}  // namespace millrace::rpc
