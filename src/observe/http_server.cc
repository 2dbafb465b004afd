#include "observe/http_server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <millrace/error.h>

namespace millrace::observe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_connections = 32;
constexpr std::size_t most_head = 8 << 10;
constexpr std::chrono::seconds most_silence{60};
constexpr std::chrono::milliseconds most_farewell{300};
constexpr int wait_milliseconds = 50;

bool same_ignoring_case(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

// GET /path?query HTTP/1.1
bool parse_request_line(std::string_view line, ParsedHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) return false;
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (method != "GET" && method != "HEAD") return false;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return false;
  if (target.empty() || target.front() != '/' || target.find(' ') != std::string_view::npos) return false;
  const std::size_t question = target.find('?');
  head.request.path = target.substr(0, question);
  if (question != std::string_view::npos) head.request.query = target.substr(question + 1);
  head.head_only = method == "HEAD";
  head.keep_alive = version == "HTTP/1.1";
  return true;
}

bool parse_field(std::string_view line, ParsedHead& head) {
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return false;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (same_ignoring_case(name, "host")) {
    if (!head.host.empty()) return false;  // two would mean that someone is fooled
    head.host = value;
  } else if (same_ignoring_case(name, "authorization")) {
    head.request.authorization = value;
  } else if (same_ignoring_case(name, "connection")) {
    if (same_ignoring_case(value, "close")) head.keep_alive = false;
  } else if (same_ignoring_case(name, "transfer-encoding")) {
    return false;
  } else if (same_ignoring_case(name, "content-length")) {
    return value == "0";
  }
  return true;
}

const char* reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    default:
      return "Internal Server Error";
  }
}

Error listen_error(std::uint16_t port, int number) {
  return Error(Cause::usage, fmt::format("cannot listen on 127.0.0.1:{} for the page: {}; --ui alone takes a free port",
                                         port, std::strerror(number)));
}

}  // namespace

ParsedHead parse_head(std::string_view bytes) {
  ParsedHead head;
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() >= most_head) head.state = HttpHead::malformed;
    return head;
  }
  head.state = HttpHead::malformed;
  std::string_view rest = bytes.substr(0, end);
  bool first = true;
  while (!rest.empty() || first) {
    const std::size_t line_end = std::min(rest.find("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, line_end);
    const bool fine = first ? parse_request_line(line, head) : parse_field(line, head);
    if (!fine) return head;
    first = false;
    rest.remove_prefix(std::min(line_end + 2, rest.size()));
  }
  head.size = end + 4;
  head.state = HttpHead::complete;
  return head;
}

struct HttpServer::Connection {
  int socket = -1;
  std::string in;   // not parsed yet
  std::string out;  // from `sent` on: not sent yet
  std::size_t sent = 0;
  std::optional<ParsedHead> waiting;  // a request without its answer
  Clock::time_point came;             // when that came
  Clock::time_point heard = Clock::now();
  bool close_after = false;
  bool done = false;

  bool sending() const { return sent < out.size(); }
};

HttpServer::HttpServer(std::uint16_t port, Handler handler) : handler_(std::move(handler)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener_ < 0) throw listen_error(port, errno);
  const int yes = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  auto* place = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (::bind(listener_, place, size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, place, &size) != 0 || (waker_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
    const int number = errno;
    ::close(listener_);
    throw listen_error(port, number);
  }
  port_ = ntohs(address.sin_port);
  // Signals are for the threads of the job.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { serve(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

HttpServer::~HttpServer() {
  stopping_ = true;
  wake();
  thread_.join();
  for (const Connection& connection : connections_) ::close(connection.socket);
  ::close(listener_);
  ::close(waker_);
}

void HttpServer::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ::ssize_t written = ::write(waker_, &one, sizeof one);
}

void HttpServer::serve() {
  ::setpriority(PRIO_PROCESS, 0, 10);  // of this thread: the job comes first
  std::vector<pollfd> sockets;
  std::optional<Clock::time_point> last_moment;
  for (bool sending = false;;) {
    // What has been answered is sent before the end, to those who take it without delay.
    if (stopping_) {
      if (!last_moment) last_moment = Clock::now() + most_farewell;
      if (!sending || Clock::now() >= *last_moment) return;
    }
    sockets.assign({{waker_, POLLIN, 0}, {listener_, POLLIN, 0}});
    bool waiting = false;
    for (const Connection& each : connections_) {
      sockets.push_back({each.socket, static_cast<short>(each.sending() ? POLLOUT : POLLIN), 0});
      waiting = waiting || each.waiting;
    }
    ::poll(sockets.data(), sockets.size(), waiting || stopping_ ? wait_milliseconds : 10'000);
    std::uint64_t woken = 0;
    [[maybe_unused]] const ::ssize_t count = ::read(waker_, &woken, sizeof woken);
    std::size_t index = 2;
    for (Connection& each : connections_) {
      const short events = sockets[index++].revents;
      if (each.sending()) {
        if (events != 0) send(each);
      } else if (events != 0) {
        receive(each);
      }
      handle(each);
      if (Clock::now() - each.heard > most_silence) each.done = true;
      if (each.done) ::close(each.socket);
    }
    connections_.remove_if([](const Connection& each) { return each.done; });
    sending = std::any_of(connections_.begin(), connections_.end(), [](const auto& each) { return each.sending(); });
    if (!stopping_) accept_all();
  }
}

void HttpServer::accept_all() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) return;
    if (connections_.size() >= most_connections) {
      ::close(socket);
      continue;
    }
    connections_.emplace_back().socket = socket;
  }
}

void HttpServer::receive(Connection& connection) {
  std::array<char, 4096> buffer;
  const ::ssize_t count = ::recv(connection.socket, buffer.data(), buffer.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    connection.done = true;
    return;
  }
  connection.heard = Clock::now();
  connection.in.append(buffer.data(), static_cast<std::size_t>(count));
  // One request is served after the other; more than one head in advance nobody needs.
  if (connection.in.size() > 2 * most_head) connection.done = true;
}

void HttpServer::handle(Connection& connection) {
  if (connection.done || connection.sending() || connection.close_after) return;
  if (!connection.waiting) {
    ParsedHead head = parse_head(connection.in);
    if (head.state == HttpHead::partial) return;
    connection.in.erase(0, head.size);
    connection.came = Clock::now();
    connection.waiting = std::move(head);
  }
  ParsedHead& head = *connection.waiting;
  if (head.state == HttpHead::malformed) {
    head.keep_alive = false;
    answer(connection, {400, "text/plain; charset=utf-8", "this server answers GET and HEAD\n"});
  } else if (!is_here(head.host)) {
    answer(connection, {403, "text/plain; charset=utf-8", "the Host header names another place\n"});
  } else {
    head.request.waited = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - connection.came);
    try {
      if (const auto response = handler_(head.request)) answer(connection, *response);
    } catch (const std::exception& error) {
      answer(connection, {500, "text/plain; charset=utf-8", std::string(error.what()) + "\n"});
    }
  }
}

bool HttpServer::is_here(const std::string& host) const {
  return host == fmt::format("127.0.0.1:{}", port_) || host == fmt::format("localhost:{}", port_);
}

void HttpServer::answer(Connection& connection, const HttpResponse& response) {
  const ParsedHead& head = *connection.waiting;
  connection.out = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\nConnection: {}\r\n"
      "\r\n",
      response.status, reason_of(response.status), response.type, response.body.size(),
      head.keep_alive ? "keep-alive" : "close");
  if (!head.head_only) connection.out += response.body;
  connection.sent = 0;
  connection.close_after = !head.keep_alive;
  connection.waiting.reset();
  send(connection);
}

void HttpServer::send(Connection& connection) {
  while (connection.sending()) {
    const std::string_view rest = std::string_view(connection.out).substr(connection.sent);
    const ::ssize_t count = ::send(connection.socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) {
      connection.done = true;
      return;
    }
    connection.sent += static_cast<std::size_t>(count);
    connection.heard = Clock::now();
  }
  connection.out.clear();
  connection.out.shrink_to_fit();
  connection.sent = 0;
  connection.done = connection.close_after;
}

}  // namespace millrace::observe
