#include "rpc/tls_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <millrace/error.h>

namespace millrace::rpc {
namespace {

template <class Function>
void find(void* library, const char* name, Function*& function) {
  void* found = dlsym(library, name);
  if (found == nullptr) throw Error(Cause::lost_node, fmt::format("the TLS library has no {}", name));
  function = reinterpret_cast<Function*>(found);
}

}  // namespace

TlsLibrary::TlsLibrary() {
  void* library = dlopen("libssl.so.3", RTLD_NOW);
  if (library == nullptr) {
    throw Error(Cause::lost_node,
                fmt::format("streams cannot be encrypted: {}; install OpenSSL's library (libssl3)", dlerror()));
  }
  find(library, "ERR_clear_error", clear_errors);
  find(library, "TLS_method", method);
  find(library, "SSL_CTX_new", context_new);
  find(library, "SSL_CTX_ctrl", context_control);
  find(library, "SSL_CTX_set_ciphersuites", set_ciphers);
  find(library, "SSL_set_verify", set_verify);
  find(library, "SSL_CTX_set_num_tickets", set_tickets);
  find(library, "SSL_new", stream_new);
  find(library, "SSL_free", stream_free);
  find(library, "SSL_set_bio", set_network);
  find(library, "SSL_set_ex_data", set_data);
  find(library, "SSL_get_ex_data", data);
  find(library, "SSL_set_psk_client_callback", set_client_key);
  find(library, "SSL_set_psk_server_callback", set_server_key);
  find(library, "SSL_set_connect_state", be_client);
  find(library, "SSL_set_accept_state", be_server);
  find(library, "SSL_do_handshake", shake_hands);
  find(library, "SSL_session_reused", used_key);
  find(library, "SSL_read", read);
  find(library, "SSL_write", write);
  find(library, "SSL_key_update", next_key);
  find(library, "SSL_get_error", error);
  find(library, "BIO_meth_new", kind_new);
  find(library, "BIO_meth_set_write", kind_set_write);
  find(library, "BIO_meth_set_read", kind_set_read);
  find(library, "BIO_meth_set_ctrl", kind_set_control);
  find(library, "BIO_new", network_new);
  find(library, "BIO_set_init", network_set_ready);
  find(library, "BIO_set_data", network_set_data);
  find(library, "BIO_get_data", network_data);
  find(library, "BIO_set_flags", network_set_flags);
  find(library, "BIO_clear_flags", network_clear_flags);
}

const TlsLibrary& tls_library() {
  static const TlsLibrary loaded;
  return loaded;
}

}  // namespace millrace::rpc
