#include "cluster/host_launcher.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>

#include <millrace/error.h>

#include "cluster/build_id.h"
#include "cluster/self_process.h"
#include "cluster/ssh_process.h"
#include "rpc/frame.h"

namespace millrace::cluster {
namespace {

constexpr rpc::Socket::Timeout step_time{30000};  // ssh gives up sooner
constexpr rpc::Socket::Timeout order_time{2000};
constexpr std::chrono::seconds kill_time(10);
// For an ssh whose stream has ended: with something behind it that must end first, or still on its way to the host.
constexpr std::chrono::seconds end_time(5);
constexpr std::chrono::seconds dial_time(1);
constexpr std::chrono::seconds longest_pause(30);
// A host that has never answered is a misspelt one rather than one that is being restarted.
constexpr unsigned most_first_tries = 3;
constexpr unsigned most_tries = 8;
constexpr std::chrono::seconds served_well(30);

std::string read_line(rpc::Socket& socket) {
  constexpr std::size_t longest = 8192;
  std::string line;
  for (char c = 0; line.size() < longest; line += c) {
    if (!socket.receive_or_end(std::as_writable_bytes(std::span(&c, 1)), step_time)) {
      throw Error(Cause::lost_node, "");  // ssh knows why
    }
    if (c == '\n') return line;
  }
  throw Error(Cause::usage, "its shell prints too long a line before it runs anything");
}

// Whatever the host's shell prints of its own is passed over.
HostWord next_word(rpc::Socket& socket) {
  constexpr unsigned most_lines = 1000;
  for (unsigned lines = 0; lines < most_lines; ++lines) {
    HostWord word = host_word_of(read_line(socket));
    if (word.kind == HostWord::Kind::refuse) throw Error(Cause::usage, word.text);
    if (word.kind != HostWord::Kind::other) return word;
  }
  throw Error(Cause::usage, "its shell prints too much before it runs anything");
}

template <class Message>
Message expect(rpc::Socket& socket, rpc::Frame& frame) {
  if (!rpc::receive_frame(socket, frame, step_time)) throw Error(Cause::lost_node, "");
  if (frame.kind != Message::kind) {
    throw Error(Cause::usage, fmt::format("its program says what it should not (message {})", frame.kind));
  }
  return rpc::decode_message<Message>(frame.payload);
}

bool is_loopback(const std::string& address) { return address == "::1" || address.rfind("127.", 0) == 0; }

// What the program loader of a host says is clear to those who built the program.
std::string explained(const std::string& why) {
  if (why.find("shared librar") == std::string::npos) return why;
  return why + "; install the libraries there that the program needs (ldd names them)";
}

}  // namespace

/// What is known of a host. Under the launcher's mutex, but for the thread.
struct HostLauncher::Host {
  std::string name;
  std::set<std::uint32_t> tickets;  // all that are its
  std::set<std::uint32_t> wanted;   // those that are to run
  rpc::Socket* starting = nullptr;  // the stream of its ssh
  rpc::Socket* stream = nullptr;    // the same, from when the host takes orders
  bool known = false;               // it has answered once
  unsigned failures = 0;            // one after the other
  std::string given_up;             // why it was set aside; empty: it was not
  std::thread thread;
};

HostLauncher::HostLauncher(HostSettings settings, const rpc::Membership& membership, Listen listen)
    : settings_(std::move(settings)),
      membership_(membership),
      listen_(std::move(listen)),
      executable_(own_executable()),
      script_(host_script(executable_, std::filesystem::current_path().string(), own_arguments())) {
  for (std::uint32_t ticket = 0; ticket < settings_.hosts.size(); ++ticket) {
    if (hosts_.empty() || hosts_.back().name != settings_.hosts[ticket]) {
      hosts_.emplace_back().name = settings_.hosts[ticket];
    }
    hosts_.back().tickets.insert(ticket);
  }
}

HostLauncher::~HostLauncher() { finish(std::chrono::milliseconds(0)); }

HostLauncher::Host& HostLauncher::host_of(std::uint32_t ticket) {
  return *std::find_if(hosts_.begin(), hosts_.end(), [&](const Host& host) { return host.tickets.contains(ticket); });
}

void HostLauncher::launch(std::uint32_t ticket) {
  const std::lock_guard lock(mutex_);
  Host& host = host_of(ticket);
  host.wanted.insert(ticket);
  if (!host.thread.joinable()) {
    host.thread = std::thread([this, &host] { keep_connected(host); });
  } else {
    tell(host, rpc::StartExecutor{ticket});
  }
}

void HostLauncher::kill(std::uint32_t ticket) {
  const std::lock_guard lock(mutex_);
  tell(host_of(ticket), rpc::EndExecutor{ticket});
}

std::vector<std::pair<std::uint32_t, std::string>> HostLauncher::ended() {
  const std::lock_guard lock(mutex_);
  return std::exchange(ended_, {});
}

std::string HostLauncher::given_up() const {
  const std::lock_guard lock(mutex_);
  std::string all;
  for (const Host& host : hosts_) {
    if (host.given_up.empty()) return {};
    all += fmt::format("{}{}: {}", all.empty() ? "" : "; ", host.name, host.given_up);
  }
  return "no host runs executors: " + all;
}

// What an executor writes while its run is being cleaned up would be left behind: its end is waited for, not only
// wanted.
void HostLauncher::finish(std::chrono::milliseconds patience) {
  {
    std::unique_lock lock(mutex_);
    finishing_ = true;
    changed_.notify_all();
    const auto over = [this] {
      return std::all_of(hosts_.begin(), hosts_.end(),
                         [](const Host& host) { return host.stream == nullptr || host.wanted.empty(); });
    };
    if (!changed_.wait_for(lock, patience, over)) {
      for (Host& host : hosts_) {
        for (const std::uint32_t ticket : host.wanted) tell(host, rpc::EndExecutor{ticket});
      }
      changed_.wait_for(lock, kill_time, over);
    }
    for (Host& host : hosts_) {
      host.wanted.clear();
      if (host.starting != nullptr) host.starting->shut_down();
    }
  }
  for (Host& host : hosts_) {
    if (host.thread.joinable()) host.thread.join();
  }
}

// Under the mutex. A stream that takes no orders is given up: the host's thread connects again.
template <class Message>
void HostLauncher::tell(Host& host, const Message& message) {
  if (host.stream == nullptr) return;
  try {
    host.stream->send(rpc::frame(message), order_time);
  } catch (const Error&) {
    host.stream->shut_down();
  }
}

// The thread of a host.
void HostLauncher::keep_connected(Host& host) {
  for (;;) {
    std::string why;
    bool refused = false;
    const auto begin = std::chrono::steady_clock::now();
    try {
      SshProcess ssh(settings_.ssh, host.name, host_command(script_.size()), settings_.tmp);
      {
        const std::lock_guard lock(mutex_);
        if (finishing_) return;
        host.starting = &ssh.stream();
      }
      try {
        serve(host, ssh);
      } catch (const Error& error) {
        refused = error.cause() == Cause::usage;
        why = error.what();
      }
      bool served = false;
      {
        const std::lock_guard lock(mutex_);
        served = host.stream != nullptr;
        host.stream = host.starting = nullptr;
      }
      changed_.notify_all();
      const std::string how = ssh.finish(served ? end_time : dial_time);
      // What broke the stream ssh knows better than the one who was waiting on it.
      if (!refused) why = explained(why.empty() || !ssh.last_said().empty() ? how : why);
    } catch (const Error& error) {
      refused = error.cause() == Cause::usage;
      why = error.what();
    }
    if (!pause_after(host, why, refused, std::chrono::steady_clock::now() - begin > served_well)) return;
  }
}

// False when the host is not to be tried again.
bool HostLauncher::pause_after(Host& host, const std::string& why, bool refused, bool served) {
  std::unique_lock lock(mutex_);
  if (finishing_) return false;
  host.failures = served && host.known ? 1 : host.failures + 1;
  if (refused || host.failures >= (host.known ? most_tries : most_first_tries)) {
    host.given_up = why;
    fmt::print(stderr, "millrace: host {} is left out: {}\n", host.name, why);
    return false;
  }
  const auto pause = std::min(std::chrono::seconds(1u << (host.failures - 1)), longest_pause);
  return !changed_.wait_for(lock, pause, [this] { return finishing_; });
}

void HostLauncher::serve(Host& host, SshProcess& ssh) {
  rpc::Socket& socket = ssh.stream();
  socket.send(std::as_bytes(std::span(script_)), step_time);
  bring_executable(socket);
  rpc::Frame frame;
  const auto ready = expect<rpc::HostReady>(socket, frame);
  if (ready.build != build_id()) throw Error(Cause::usage, "the program that it has is another build");
  give_seat(host, socket, ready);
  hear(host, ssh);
}

void HostLauncher::bring_executable(rpc::Socket& socket) {
  if (next_word(socket).kind == HostWord::Kind::have) return;
  const rpc::Descriptor file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  if (!file) throw Error(Cause::usage, fmt::format("this program's own file cannot be read: {}", std::strerror(errno)));
  socket.send_file(file.get(), 0, executable_.bytes, step_time);
  if (next_word(socket).kind != HostWord::Kind::have) throw Error(Cause::usage, "its shell lost count");
}

void HostLauncher::give_seat(Host& host, rpc::Socket& socket, const rpc::HostReady& ready) {
  if (ready.driver.empty()) throw Error(Cause::usage, "its ssh server does not say where the connection comes from");
  {
    const std::lock_guard lock(mutex_);
    if (loopback_.value_or(is_loopback(ready.driver)) != is_loopback(ready.driver)) {
      throw Error(Cause::usage,
                  fmt::format("it is reached from {}, other hosts are not: name all hosts by addresses at "
                              "which they see one another",
                              ready.driver));
    }
    loopback_ = is_loopback(ready.driver);
  }
  const rpc::Address driver = listen_(ready.driver);
  rpc::SeatMessage seat;
  seat.secret.assign(reinterpret_cast<const char*>(membership_.secret.data()), membership_.secret.size());
  seat.tls = membership_.tls ? 1 : 0;
  seat.driver_host = driver.host;
  seat.driver_port = driver.port;
  seat.host = host.name;
  socket.send(rpc::frame(seat), step_time);
  const std::lock_guard lock(mutex_);
  for (const std::uint32_t ticket : host.wanted) socket.send(rpc::frame(rpc::StartExecutor{ticket}), step_time);
  host.known = true;
  host.stream = &socket;
}

void HostLauncher::hear(Host& host, SshProcess& ssh) {
  rpc::Frame frame;
  while (rpc::receive_frame(ssh.stream(), frame)) {
    if (frame.kind != rpc::ExecutorEnded::kind) {
      throw Error(Cause::usage, fmt::format("its program says what it should not (message {})", frame.kind));
    }
    auto end = rpc::decode_message<rpc::ExecutorEnded>(frame.payload);
    const std::lock_guard lock(mutex_);
    if (host.wanted.erase(end.ticket) == 0) continue;
    const std::string said = ssh.last_said();
    ended_.emplace_back(end.ticket,
                        fmt::format("{} on {}{}", end.how, host.name, said.empty() ? "" : ", which said: " + said));
    changed_.notify_all();
  }
}

}  // namespace millrace::cluster
