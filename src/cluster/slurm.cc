#include "cluster/slurm.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <netdb.h>
#include <unistd.h>

#include "cluster/munge.h"
#include "cluster/program.h"
#include "cluster/self_process.h"
#include "rpc/frame.h"

namespace millrace::cluster {
namespace {

constexpr unsigned doors = 16;
constexpr rpc::Socket::Timeout door_time{3000};
constexpr std::chrono::seconds patience{60};
constexpr std::size_t most_callers = 256;                // at once; each has its time
constexpr std::chrono::seconds wait_for_late_tasks{10};  // from the opening of the gate

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

std::uint32_t number(const std::string& text, std::uint32_t otherwise) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? value : otherwise;
}

// The first name of a list in Slurm's notation: "n[3-5,9],m2" begins with n3.
std::string first_of(const std::string& list) {
  const std::size_t end = list.find_first_of("[,");
  std::string name = list.substr(0, end);
  if (end == std::string::npos || list[end] == ',') return name;
  return name + list.substr(end + 1, list.find_first_of("-,]", end + 1) - end - 1);
}

// The ports at which the tasks of a step look for task 0, in this order.
std::uint16_t door(const SlurmTask& task, unsigned index) {
  constexpr std::uint64_t first = 20000;
  constexpr std::uint64_t count = 12000;         // below the range from which systems take ports of their own
  std::uint64_t hash = 14695981039346656037ull;  // FNV-1a: the same in every process
  for (const char c : task.name()) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return static_cast<std::uint16_t>(first + (hash + index * 977) % count);
}

rpc::Listener open_door(const SlurmTask& task, const std::string& host) {
  for (unsigned index = 0;; ++index) {
    try {
      return rpc::Listener({host, door(task, index)});
    } catch (const Error&) {
      if (index + 1 == doors) throw;
    }
  }
}

/// What an executor shows at the gate, and what it is told there; each inside a credential.
struct Question {
  std::string step;
  std::uint32_t rank = 0;
  std::string nonce;
  static constexpr auto fields = std::tuple{&Question::step, &Question::rank, &Question::nonce};
};
struct Answer {
  std::string nonce;
  std::string host;
  std::uint16_t port = 0;  // none: the run is over
  std::string secret;
  std::uint8_t tls = 0;  // the run's streams are encrypted
  static constexpr auto fields =
      std::tuple{&Answer::nonce, &Answer::host, &Answer::port, &Answer::secret, &Answer::tls};
};

// Credentials are short: a longer one is none, and is not waited for.
constexpr std::size_t most_credential_bytes = 8192;

void send_credential(rpc::Socket& socket, const std::string& credential) {
  std::vector<std::byte> bytes(sizeof(std::uint32_t) + credential.size());
  const auto size = static_cast<std::uint32_t>(credential.size());
  std::memcpy(bytes.data(), &size, sizeof size);
  std::memcpy(bytes.data() + sizeof size, credential.data(), credential.size());
  socket.send(bytes, door_time);
}

std::string receive_credential(rpc::Socket& socket) {
  std::uint32_t size = 0;
  socket.receive(std::as_writable_bytes(std::span(&size, 1)), door_time);
  if (size > most_credential_bytes) throw Error(Cause::lost_node, socket.peer() + ": sent what is no credential");
  std::string credential(size, '\0');
  socket.receive(std::as_writable_bytes(std::span(credential)), door_time);
  return credential;
}

template <class Message>
Message open_credential(const std::string& credential) {
  const Unmunged unmunged = unmunge(credential);
  if (unmunged.user != getuid()) throw Error(Cause::lost_node, "a credential is another user's");
  return rpc::decode_message<Message>(unmunged.content);
}

template <class Message>
std::string credential_of(const Message& message) {
  Encoder out;
  out.put(message);
  return munge(out.bytes());
}

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  std::string out;
  std::array<char, 4096> piece;
  while (pipe != nullptr) {
    const std::size_t count = std::fread(piece.data(), 1, piece.size(), pipe.get());
    if (count == 0) break;
    out.append(piece.data(), count);
  }
  return out;
}

bool has_address(const std::string& name) {
  addrinfo* list = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, nullptr, &list) != 0) return false;
  freeaddrinfo(list);
  return true;
}

}  // namespace

std::optional<SlurmTask> slurm_task(std::uint32_t fewest_tasks) {
  SlurmTask task;
  task.job = variable("SLURM_JOB_ID");
  task.step = variable("SLURM_STEP_ID");
  task.rank = number(variable("SLURM_PROCID"), 0);
  task.tasks = number(variable("SLURM_STEP_NUM_TASKS"), number(variable("SLURM_NTASKS"), 1));
  // A batch script has the job's variables too, but is no task of a step that could be several.
  if (task.job.empty() || task.step.empty() || variable("SLURM_PROCID").empty() || task.tasks < fewest_tasks) {
    return std::nullopt;
  }
  task.node = variable("SLURMD_NODENAME");
  task.first_node = first_of(variable("SLURM_STEP_NODELIST"));
  return task;
}

// "s0.s4.n17", as "switch.switch.node".
std::string slurm_rack() {
  const std::string address = variable("SLURM_TOPOLOGY_ADDR");
  const std::size_t node = address.rfind('.');
  return node == std::string::npos ? std::string() : address.substr(0, node);
}

// Slurm's word comes first: a name that has an address may be that of another interface.
std::string slurm_node_address(const std::string& node) {
  if (!std::all_of(node.begin(), node.end(),
                   [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; })) {
    throw Error(Cause::lost_node, fmt::format("'{}' is not the name of a node", node));
  }
  const std::string text = output_of("scontrol show node -o " + node + " 2>/dev/null");
  constexpr std::string_view key = "NodeAddr=";
  if (const std::size_t at = text.find(key); at != std::string::npos) {
    const std::size_t begin = at + key.size();
    return text.substr(begin, text.find_first_of(" \n", begin) - begin);
  }
  if (has_address(node)) return node;
  throw Error(Cause::lost_node, fmt::format("node {} has no address: neither Slurm nor the network knows one", node));
}

SlurmGate::SlurmGate(const SlurmTask& task, const std::string& host, const rpc::Address& driver,
                     const rpc::Membership& membership)
    : task_(task), driver_(driver), membership_(membership), listener_(open_door(task, host)), thread_([this] {
        serve();
      }) {}

SlurmGate::~SlurmGate() {
  listener_.shut_down();
  thread_.join();
}

void SlurmGate::serve() {
  for (;;) {
    rpc::Socket socket = listener_.accept();
    for (auto at = callers_.begin(); at != callers_.end();) {
      const auto caller = at++;
      if (socket && !caller->answered && callers_.size() < most_callers) continue;
      caller->thread.join();
      callers_.erase(caller);
    }
    if (!socket) return;
    Caller& caller = callers_.emplace_back();
    caller.socket = std::move(socket);
    caller.thread = std::thread([this, &caller] { hear(caller); });
  }
}

void SlurmGate::hear(Caller& caller) {
  try {
    answer(caller.socket);
  } catch (const Error&) {
    // A stranger, or a task of another step that follows to the same port.
  }
  caller.socket.shut_down();
  caller.answered = true;
}

void SlurmGate::expect(std::uint32_t ticket) {
  const std::lock_guard lock(mutex_);
  expected_.insert(ticket);
}

void SlurmGate::forget(std::uint32_t ticket) {
  const std::lock_guard lock(mutex_);
  expected_.erase(ticket);
}

void SlurmGate::close() {
  std::unique_lock lock(mutex_);
  over_ = true;
  came_.wait_until(lock, opened_ + wait_for_late_tasks, [this] { return heard_.size() + 1 >= task_.tasks; });
}

void SlurmGate::answer(rpc::Socket& socket) {
  const auto question = open_credential<Question>(receive_credential(socket));
  if (question.step != task_.name() || question.rank == 0) return;
  Answer answer;
  answer.nonce = question.nonce;
  const bool of_the_step = question.rank < task_.tasks;
  {
    const std::lock_guard lock(mutex_);
    if (!over_ && (of_the_step || expected_.contains(question.rank))) answer.port = driver_.port;
  }
  if (answer.port != 0) {
    answer.host = driver_.host;
    const rpc::Secret& secret = membership_.secret;
    answer.secret.assign(reinterpret_cast<const char*>(secret.data()), secret.size());
    answer.tls = membership_.tls ? 1 : 0;
  }
  send_credential(socket, credential_of(answer));
  if (!of_the_step) return;
  const std::lock_guard lock(mutex_);
  heard_.insert(question.rank);
  came_.notify_one();
}

std::vector<std::pair<std::uint32_t, std::string>> SlurmLauncher::ended() {
  auto out = beside_.ended();
  for (auto& each : requests_.ended()) out.push_back(std::move(each));
  return out;
}

void SlurmLauncher::kill(std::uint32_t ticket) {
  if (ticket < step_tasks_) {
    beside_.kill(ticket);
  } else {
    withdraw(ticket);
  }
}

void SlurmLauncher::ask(const std::vector<std::uint32_t>& tickets) {
  for (const std::uint32_t ticket : tickets) gate_->expect(ticket);
  requests_.ask(tickets);
}

void SlurmLauncher::withdraw(std::uint32_t ticket) {
  gate_->forget(ticket);
  requests_.withdraw(ticket);
}

void SlurmLauncher::finish(std::chrono::milliseconds time) {
  requests_.finish(time);
  gate_->close();
  beside_.finish(time);
}

namespace {

// Tries every door once. Throws Error(lost_node) when task 0 is behind none.
Answer ask_task_0(const SlurmTask& task, const std::string& host) {
  std::string last;
  for (unsigned index = 0; index < doors; ++index) {
    try {
      const rpc::Secret nonce = rpc::make_secret();
      const Question question{task.name(), task.rank, {reinterpret_cast<const char*>(nonce.data()), nonce.size()}};
      rpc::Socket socket = rpc::Socket::connect({host, door(task, index)}, door_time);
      send_credential(socket, credential_of(question));
      const auto answer = open_credential<Answer>(receive_credential(socket));
      const bool whole = answer.port == 0 || answer.secret.size() == sizeof(rpc::Secret);
      if (answer.nonce == question.nonce && whole) return answer;
      last = socket.peer() + ": answered another question";
    } catch (const Error& error) {
      last = error.what();
    }
  }
  throw Error(Cause::lost_node, last);
}

// Whether Slurm says that the step has ended; a controller that does not answer says nothing.
bool step_has_ended(const std::string& step) {
  const ProgramResult seen = run_program({"squeue", "-h", "--steps=" + step, "-o", "%i"});
  if (seen.status == 0) return seen.output.find(step) == std::string::npos;
  return seen.output.find("Invalid job id") != std::string::npos;
}

bool run_is_over(const SlurmTask& task, const std::string& host) {
  constexpr std::chrono::milliseconds moment(500);  // the driver's port closes a moment before the gate does
  std::this_thread::sleep_for(moment);
  try {
    return ask_task_0(task, host).port == 0;
  } catch (const Error&) {
    return true;
  }
}

// `gave_up` is asked after each round in vain.
std::optional<Seat> find_seat(const SlurmTask& task, const std::function<bool()>& gave_up) {
  const std::string host = slurm_node_address(task.first_node);
  const auto end = std::chrono::steady_clock::now() + patience;
  for (unsigned round = 0;; ++round) {
    try {
      const Answer answer = ask_task_0(task, host);
      if (answer.port == 0) return std::nullopt;
      Seat seat;
      std::memcpy(seat.membership.secret.data(), answer.secret.data(), answer.secret.size());
      seat.membership.tls = answer.tls != 0;
      seat.driver = {answer.host, answer.port};
      seat.ticket = task.rank;
      seat.host = task.node;
      seat.rack = slurm_rack();
      seat.run_is_over = [task, host] { return run_is_over(task, host); };
      return seat;
    } catch (const Error& error) {
      if (gave_up()) return std::nullopt;
      if (std::chrono::steady_clock::now() >= end) {
        throw Error(Cause::lost_node, fmt::format("task 0 of step {} was not found on {} within {} s: {}", task.name(),
                                                  host, patience.count(), error.what()));
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(50u << std::min(round, 5u), 1000u)));
  }
}

// The driver is gone, or cannot be reached. What it has asked of Slurm is taken back when it is gone.
void take_requests_back(const std::string& step) {
  constexpr std::chrono::seconds until_slurm_knows(20);
  const auto end = std::chrono::steady_clock::now() + until_slurm_knows;
  while (!step_has_ended(step)) {
    if (std::chrono::steady_clock::now() >= end) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  cancel_waiting_requests(slurm_requests_name(step));
}

}  // namespace

std::optional<Seat> seat_in_slurm(const SlurmTask& task) {
  return find_seat(task, [] { return false; });
}

std::optional<Seat> seat_of_added(const std::string& place) {
  const std::size_t ticket = place.rfind(',');
  const std::size_t node = place.find(',');
  const std::size_t step = place.find('.');
  SlurmTask task;
  if (ticket != std::string::npos && node < ticket && step < node) {
    task.job = place.substr(0, step);
    task.step = place.substr(step + 1, node - step - 1);
    task.first_node = place.substr(node + 1, ticket - node - 1);
    task.rank = number(place.substr(ticket + 1), 0);
  }
  if (task.rank == 0) throw Error(Cause::usage, fmt::format("{}=slurm:{}: names no run", executor_variable, place));
  task.node = variable("SLURMD_NODENAME");
  auto seat = find_seat(task, [&] { return step_has_ended(task.name()); });
  if (seat) seat->driver_is_lost = [step_name = task.name()] { take_requests_back(step_name); };
  return seat;
}

}  // namespace millrace::cluster
