#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace millrace::rpc {

/// The functions of OpenSSL that streams need, from a library that is loaded with the first of them: linked, it would
/// make every program start 0.7 ms later.
struct TlsLibrary {
  TlsLibrary();

  decltype(ERR_clear_error)* clear_errors;
  decltype(TLS_method)* method;
  decltype(SSL_CTX_new)* context_new;
  decltype(SSL_CTX_ctrl)* context_control;
  decltype(SSL_CTX_set_ciphersuites)* set_ciphers;
  decltype(SSL_set_verify)* set_verify;
  decltype(SSL_CTX_set_num_tickets)* set_tickets;
  decltype(SSL_new)* stream_new;
  decltype(SSL_free)* stream_free;
  decltype(SSL_set_bio)* set_network;
  decltype(SSL_set_ex_data)* set_data;
  decltype(SSL_get_ex_data)* data;
  decltype(SSL_set_psk_client_callback)* set_client_key;
  decltype(SSL_set_psk_server_callback)* set_server_key;
  decltype(SSL_set_connect_state)* be_client;
  decltype(SSL_set_accept_state)* be_server;
  decltype(SSL_do_handshake)* shake_hands;
  decltype(SSL_session_reused)* used_key;
  decltype(SSL_read)* read;
  decltype(SSL_write)* write;
  decltype(SSL_key_update)* next_key;
  decltype(SSL_get_error)* error;
  decltype(BIO_meth_new)* kind_new;
  decltype(BIO_meth_set_write)* kind_set_write;
  decltype(BIO_meth_set_read)* kind_set_read;
  decltype(BIO_meth_set_ctrl)* kind_set_control;
  decltype(BIO_new)* network_new;
  decltype(BIO_set_init)* network_set_ready;
  decltype(BIO_set_data)* network_set_data;
  decltype(BIO_get_data)* network_data;
  decltype(BIO_set_flags)* network_set_flags;
  decltype(BIO_clear_flags)* network_clear_flags;
};

/// Loaded once, by the first that asks. Throws Error(lost_node) when it is not there.
const TlsLibrary& tls_library();

}  // namespace millrace::rpc
