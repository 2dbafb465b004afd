#include "rpc/socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <millrace/error.h>

namespace millrace::rpc {
namespace {

constexpr const char* file_ends = "a file of blocks ends before its last block";

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

AddressList resolve(const Address& address, bool to_listen) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (to_listen ? AI_PASSIVE : 0);
  addrinfo* list = nullptr;
  const int error = getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(),
                                std::to_string(address.port).c_str(), &hints, &list);
  if (error != 0) {
    throw Error(Cause::lost_node, fmt::format("{}: the name has no address: {}", address.host, gai_strerror(error)));
  }
  return {list, &freeaddrinfo};
}

void set_option(int fd, int level, int option) {
  const int on = 1;
  setsockopt(fd, level, option, &on, sizeof on);
}

[[noreturn]] void fail(const std::string& peer, const char* what, int error) {
  throw Error(Cause::lost_node, fmt::format("{}: {}: {}", peer, what, std::strerror(error)));
}

std::string numeric_host(const sockaddr_storage& address, socklen_t size, std::uint16_t* port) {
  char host[NI_MAXHOST] = {};
  char service[NI_MAXSERV] = {};
  getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host, sizeof host, service, sizeof service,
              NI_NUMERICHOST | NI_NUMERICSERV);
  if (port != nullptr) *port = static_cast<std::uint16_t>(std::stoul(service));
  return host;
}

void keep_blocking(int fd, bool blocking) {
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

}  // namespace

std::string Address::text() const { return fmt::format("{}:{}", host, port); }

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

Socket::Socket(Descriptor descriptor, std::string peer) : descriptor_(std::move(descriptor)), peer_(std::move(peer)) {
  set_option(descriptor_.get(), IPPROTO_TCP, TCP_NODELAY);
  set_option(descriptor_.get(), SOL_SOCKET, SO_KEEPALIVE);
  keep_blocking(descriptor_.get(), false);
}

Socket Socket::connect(const Address& address, Timeout timeout) {
  const AddressList list = resolve(address, false);
  int error = ECONNREFUSED;
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    Descriptor descriptor(socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!descriptor) continue;
    if (::connect(descriptor.get(), each->ai_addr, each->ai_addrlen) != 0) {
      error = errno;
      if (error != EINPROGRESS) continue;
      pollfd waiting{descriptor.get(), POLLOUT, 0};
      error = ETIMEDOUT;
      if (poll(&waiting, 1, static_cast<int>(timeout.count())) <= 0) continue;
      socklen_t size = sizeof error;
      getsockopt(descriptor.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) continue;
    }
    return Socket(std::move(descriptor), address.text());
  }
  fail(address.text(), "no connection", error);
}

void Socket::wait(short events, Timeout timeout, const char* what) {
  pollfd waiting{descriptor_.get(), events, 0};
  int ready = 0;
  do {
    ready = poll(&waiting, 1, static_cast<int>(timeout.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) fail(peer_, what, errno);
  if (ready == 0) {
    throw Error(Cause::lost_node,
                fmt::format("{}: {}: nothing for {:.1f} s", peer_, what, static_cast<double>(timeout.count()) / 1000));
  }
}

void Socket::wait(Tls::Wait wait_for, Timeout timeout, const char* what) {
  wait(static_cast<short>(wait_for == Tls::Wait::readable ? POLLIN : POLLOUT), timeout, what);
}

void Socket::check(const Tls::Step& step, const char* what) const {
  if (step.error != 0) fail(peer_, what, step.error);
  if (step.fault)
    throw Error(Cause::lost_node,
                fmt::format("{}: {}: what came is not encrypted by a member of this run", peer_, what));
}

void Socket::encrypt(Tls::End end, const StreamKey& key, Timeout timeout) {
  auto tls = std::make_unique<Tls>(descriptor_.get(), end, key);
  for (;;) {
    const Tls::Step step = tls->shake_hands();
    check(step, "encrypting");
    if (step.over)
      throw Error(Cause::lost_node, peer_ + ": the other side closed the connection instead of encrypting");
    if (step.wait == Tls::Wait::nothing) break;
    wait(step.wait, timeout, "encrypting");
  }
  tls_ = std::move(tls);
}

void Socket::send_encrypted(std::span<const std::byte> bytes, Timeout timeout) {
  while (!bytes.empty()) {
    const Tls::Step step = tls_->write(bytes);
    check(step, "sending");
    if (step.over) throw Error(Cause::lost_node, peer_ + ": the other side closed the connection");
    if (step.wait != Tls::Wait::nothing) wait(step.wait, timeout, "sending");
    bytes = bytes.subspan(step.bytes);
  }
}

void Socket::send(std::span<const std::byte> bytes, Timeout timeout) { send(bytes, {}, timeout); }

void Socket::send(std::span<const std::byte> first, std::span<const std::byte> second, Timeout timeout) {
  if (tls_ != nullptr) {
    // Small pieces share a record, and so a packet.
    std::array<std::byte, 4096> both;
    if (second.empty() || first.size() + second.size() > both.size()) {
      send_encrypted(first, timeout);
      return send_encrypted(second, timeout);
    }
    std::byte* const end = std::copy(second.begin(), second.end(), std::copy(first.begin(), first.end(), both.data()));
    return send_encrypted({both.data(), end}, timeout);
  }
  while (!first.empty() || !second.empty()) {
    iovec pieces[2] = {{const_cast<std::byte*>(first.data()), first.size()},
                       {const_cast<std::byte*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    const ssize_t sent = sendmsg(descriptor_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        wait(POLLOUT, timeout, "sending");
      } else if (errno != EINTR) {
        fail(peer_, "sending", errno);
      }
      continue;
    }
    const auto of_first = std::min(static_cast<std::size_t>(sent), first.size());
    first = first.subspan(of_first);
    second = second.subspan(static_cast<std::size_t>(sent) - of_first);
  }
}

void Socket::send_file(int file, std::uint64_t offset, std::uint64_t bytes, Timeout timeout) {
  auto at = static_cast<off_t>(offset);
  if (tls_ != nullptr) return send_file_encrypted(file, at, bytes, timeout);
  while (bytes != 0) {
    const ssize_t sent = sendfile(descriptor_.get(), file, &at, bytes);
    if (sent > 0) {
      bytes -= static_cast<std::uint64_t>(sent);
    } else if (sent == 0) {
      throw Error(Cause::lost_input, file_ends);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wait(POLLOUT, timeout, "sending");
    } else if (errno != EINTR) {
      fail(peer_, "sending", errno);
    }
  }
}

void Socket::send_file_encrypted(int file, off_t at, std::uint64_t bytes, Timeout timeout) {
  constexpr std::uint64_t piece = std::uint64_t{64} << 10;
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(std::min(bytes, piece));
  while (bytes != 0) {
    const ssize_t count = pread(file, memory.get(), std::min(bytes, piece), at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      throw Error(Cause::lost_input, fmt::format("a file of blocks cannot be read: {}", std::strerror(errno)));
    if (count == 0) throw Error(Cause::lost_input, file_ends);
    send_encrypted({memory.get(), static_cast<std::size_t>(count)}, timeout);
    bytes -= static_cast<std::uint64_t>(count);
    at += count;
  }
}

std::size_t Socket::send_now(std::span<const std::byte> bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto rest = bytes.subspan(sent);
    if (tls_ != nullptr) {
      const Tls::Step step = tls_->write(rest);
      check(step, "sending");
      if (step.bytes == 0) break;
      sent += step.bytes;
      continue;
    }
    const ssize_t count = ::send(descriptor_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count < 0) fail(peer_, "sending", errno);
    sent += static_cast<std::size_t>(count);
  }
  return sent;
}

std::optional<std::size_t> Socket::receive_now(std::span<std::byte> into) {
  return tls_ == nullptr ? receive_raw_now(into) : receive_encrypted_now(into);
}

std::optional<std::size_t> Socket::receive_raw_now(std::span<std::byte> into) {
  ssize_t count = 0;
  do {
    count = recv(descriptor_.get(), into.data(), into.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count >= 0) return static_cast<std::size_t>(count);
  if (errno == EAGAIN || errno == EWOULDBLOCK) return std::nullopt;
  fail(peer_, "receiving", errno);
}

std::optional<std::size_t> Socket::receive_encrypted_now(std::span<std::byte> into) {
  // Record after record: what waits inside of the library would not wake anybody who waits on the socket.
  std::size_t size = 0;
  while (size < into.size()) {
    const Tls::Step step = tls_->read(into.subspan(size));
    check(step, "receiving");
    if (step.over) return size;
    if (step.wait != Tls::Wait::nothing) break;
    size += step.bytes;
  }
  return size == 0 ? std::nullopt : std::optional(size);
}

void Socket::receive(std::span<std::byte> into, Timeout timeout) {
  if (!receive_or_end(into, timeout)) {
    throw Error(Cause::lost_node, peer_ + ": the other side closed the connection");
  }
}

bool Socket::receive_or_end(std::span<std::byte> into, Timeout timeout) {
  return fill(into, timeout, &Socket::receive_now);
}

bool Socket::receive_raw_or_end(std::span<std::byte> into, Timeout timeout) {
  return fill(into, timeout, &Socket::receive_raw_now);
}

bool Socket::fill(std::span<std::byte> into, Timeout timeout, ReceiveNow now) {
  const std::size_t size = into.size();
  while (!into.empty()) {
    const auto count = (this->*now)(into);
    if (!count) {
      wait(POLLIN, timeout, "receiving");
    } else if (*count == 0) {
      if (into.size() == size) return false;
      throw Error(Cause::lost_node, peer_ + ": the other side closed the connection in the middle of a message");
    } else {
      into = into.subspan(*count);
    }
  }
  return true;
}

void Socket::shut_down() noexcept {
  if (descriptor_) shutdown(descriptor_.get(), SHUT_RDWR);
}

std::string Socket::local_host() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(descriptor_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return numeric_host(address, size, nullptr);
}

Listener::Listener(const Address& address) : address_(address) {
  const AddressList list = resolve(address, true);
  int error = EADDRNOTAVAIL;
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    Descriptor descriptor(socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!descriptor) continue;
    set_option(descriptor.get(), SOL_SOCKET, SO_REUSEADDR);
    constexpr int backlog = 1024;
    if (bind(descriptor.get(), each->ai_addr, each->ai_addrlen) != 0 || listen(descriptor.get(), backlog) != 0) {
      error = errno;
      continue;
    }
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    getsockname(descriptor.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    numeric_host(bound, size, &address_.port);
    descriptor_ = std::move(descriptor);
    return;
  }
  throw Error(Cause::input, fmt::format("cannot listen on {}: {}", address.text(), std::strerror(error)));
}

Socket Listener::accept() {
  for (;;) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const int fd = accept4(descriptor_.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC);
    if (fd >= 0) {
      std::uint16_t port = 0;
      const std::string host = numeric_host(from, size, &port);
      return Socket(Descriptor(fd), Address{host, port}.text());
    }
    // A stream that was reset before it was accepted, or too many open files for the moment: there will be others.
    if (errno == EINVAL || errno == EBADF) return {};
    if (errno == EMFILE || errno == ENFILE) usleep(10000);
  }
}

void Listener::shut_down() noexcept {
  if (descriptor_) shutdown(descriptor_.get(), SHUT_RDWR);
}

}  // namespace millrace::rpc
