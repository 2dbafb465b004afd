#include "cluster/host_side.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <map>
#include <poll.h>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <millrace/error.h>

#include "cluster/build_id.h"
#include "cluster/self_process.h"
#include "rpc/frame.h"
#include "rpc/messages.h"

namespace millrace::cluster {
namespace {

constexpr int to_driver = 3;
constexpr int from_driver = 4;

// These streams are pipes: a socket's functions do not serve. False when the other side is gone.
bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

bool read_more(int fd, rpc::FrameBuffer& buffer) {
  const auto room = buffer.room();
  ssize_t count = 0;
  do {
    count = read(fd, room.data(), room.size());
  } while (count < 0 && errno == EINTR);
  if (count <= 0) return false;
  buffer.received(static_cast<std::size_t>(count));
  return true;
}

Seat seat_of(const rpc::SeatMessage& message) {
  Seat seat;
  if (message.secret.size() != seat.membership.secret.size()) {
    throw Error(Cause::input, "the driver's secret has not the length of one");
  }
  std::memcpy(seat.membership.secret.data(), message.secret.data(), message.secret.size());
  seat.membership.tls = message.tls != 0;
  seat.driver = {message.driver_host, message.driver_port};
  seat.ticket = message.ticket;
  seat.host = message.host;
  seat.remote = true;
  return seat;
}

// "client port server port" (sshd(8), SSH_CONNECTION).
std::string drivers_address() {
  const char* value = std::getenv("SSH_CONNECTION");
  const std::string text = value == nullptr ? "" : value;
  return text.substr(0, text.find(' '));
}

class HostSide {
 public:
  void run() {
    if (!say(rpc::HostReady{build_id(), drivers_address()})) return;
    while (wait()) {
    }
  }

  void end_all() {
    for (const auto& [ticket, child] : children_) kill(child.process, SIGKILL);
    for (const auto& [ticket, child] : children_) waitpid(child.process, nullptr, 0);
  }

 private:
  struct Child {
    pid_t process = 0;
    rpc::Descriptor end;  // readable when it has ended
  };

  template <class Message>
  bool say(const Message& message) {
    return write_all(to_driver, rpc::frame(message));
  }

  // Until something happens. False when the driver is gone.
  bool wait() {
    std::vector<pollfd> waiting{{from_driver, POLLIN, 0}};
    for (const auto& [ticket, child] : children_) waiting.push_back({child.end.get(), POLLIN, 0});
    if (poll(waiting.data(), waiting.size(), -1) < 0) return errno == EINTR;
    if (waiting.front().revents != 0 && !hear()) return false;
    return tell_ends();
  }

  bool hear() {
    if (!read_more(from_driver, in_)) return false;
    std::uint8_t kind = 0;
    for (std::span<const std::byte> payload; in_.next(kind, payload);) {
      if (kind == rpc::SeatMessage::kind) {
        seat_ = rpc::decode_message<rpc::SeatMessage>(payload);
      } else if (kind == rpc::StartExecutor::kind) {
        start(rpc::decode_message<rpc::StartExecutor>(payload).ticket);
      } else if (kind == rpc::EndExecutor::kind) {
        const auto child = children_.find(rpc::decode_message<rpc::EndExecutor>(payload).ticket);
        if (child != children_.end()) kill(child->second.process, SIGKILL);
      } else {
        throw Error(Cause::bad_data,
                    fmt::format("the driver sent a message of kind {}, which is none for hosts", kind));
      }
    }
    return true;
  }

  void start(std::uint32_t ticket) {
    if (children_.contains(ticket)) return;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw Error(Cause::lost_node, "an executor cannot be started: too many files");
    const rpc::Descriptor read_end(ends[0]);
    const rpc::Descriptor write_end(ends[1]);
    Child child;
    child.process = start_self(told_word, {read_end.get(), STDERR_FILENO, STDERR_FILENO});
    child.end = rpc::Descriptor(static_cast<int>(syscall(SYS_pidfd_open, child.process, 0)));
    seat_.ticket = ticket;
    seat_.starter = static_cast<std::uint32_t>(getpid());
    write_all(write_end.get(), rpc::frame(seat_));
    children_.emplace(ticket, std::move(child));
  }

  bool tell_ends() {
    for (auto at = children_.begin(); at != children_.end();) {
      const auto here = at++;
      int status = 0;
      if (waitpid(here->second.process, &status, WNOHANG) != here->second.process) continue;
      const rpc::ExecutorEnded ended{here->first, how_it_ended(status)};
      children_.erase(here);
      if (!say(ended)) return false;
    }
    return true;
  }

  rpc::FrameBuffer in_;
  rpc::SeatMessage seat_;
  std::map<std::uint32_t, Child> children_;
};

}  // namespace

void serve_host() {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int fd : {to_driver, from_driver}) fcntl(fd, F_SETFD, FD_CLOEXEC);
  HostSide side;
  int status = 0;
  try {
    side.run();
  } catch (const Error& error) {
    fmt::print(stderr, "millrace: {}\n", error.what());
    std::fflush(stderr);
    status = 1;
  }
  side.end_all();
  _exit(status);
}

Seat told_seat() {
  rpc::FrameBuffer in;
  std::uint8_t kind = 0;
  std::span<const std::byte> payload;
  while (!in.next(kind, payload)) {
    if (!read_more(STDIN_FILENO, in)) throw Error(Cause::input, "this executor was not told to which run it belongs");
  }
  if (kind != rpc::SeatMessage::kind) throw Error(Cause::input, "this executor was told what is no run");
  const auto message = rpc::decode_message<rpc::SeatMessage>(payload);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (static_cast<std::uint32_t>(getppid()) != message.starter) {
    throw Error(Cause::input, "the process that started this executor is gone");
  }
  const rpc::Descriptor nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  dup2(nothing.get(), STDIN_FILENO);
  return seat_of(message);
}

}  // namespace millrace::cluster
