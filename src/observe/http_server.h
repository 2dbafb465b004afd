#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace millrace::observe {

struct HttpRequest {
  std::string path;                     ///< before the question mark, undecoded
  std::string query;                    ///< behind it
  std::string authorization;            ///< the header's value; empty without one
  std::chrono::milliseconds waited{0};  ///< since it came
};

struct HttpResponse {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

/// What was read of a request's head.
enum class HttpHead : std::uint8_t {
  partial,    ///< more is to come
  complete,   ///< `request`, `host` and `size` are set
  malformed,  ///< no head of a request that is served here: anything but GET and HEAD, or with a body
};
struct ParsedHead {
  HttpHead state = HttpHead::partial;
  HttpRequest request;
  std::string host;        ///< the Host header
  bool head_only = false;  ///< HEAD
  bool keep_alive = true;
  std::size_t size = 0;  ///< bytes of the head with its empty line
};
/// Reads the head of an HTTP/1.0 or 1.1 request. Any bytes are fine.
ParsedHead parse_head(std::string_view bytes);

/// A small HTTP server for this machine alone: it listens on 127.0.0.1, in one thread that gives way to all others,
/// answers GET and HEAD, and refuses requests whose Host header names another place (a page of another site whose name
/// has been pointed here). At most 32 connections, 8 KiB of request each, and a minute of silence.
///
/// The standard library of HTTP servers here, cpp-httplib, is a shared library with OpenSSL behind it: linked into
/// every job, it would double the start-up time of those that show no page.
class HttpServer {
 public:
  /// Answers a request, or returns nothing: it is then asked again some 50 ms later, and when wake() was called.
  /// Called by the server's thread alone. What it throws becomes a response of status 500.
  using Handler = std::function<std::optional<HttpResponse>(const HttpRequest&)>;

  /// Listens from now on; port 0 takes any that is free. Throws Error(usage) when the port cannot be had.
  HttpServer(std::uint16_t port, Handler handler);
  /// Answers no more; what has been answered is sent, for at most 0.3 s.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  /// Requests that wait are handled again. Any thread may call it.
  void wake() noexcept;

 private:
  struct Connection;

  void serve();
  void accept_all();
  void receive(Connection& connection);
  void handle(Connection& connection);
  void answer(Connection& connection, const HttpResponse& response);
  void send(Connection& connection);
  bool is_here(const std::string& host) const;

  Handler handler_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  int waker_ = -1;
  std::list<Connection> connections_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace millrace::observe
