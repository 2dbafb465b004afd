#include "cluster/crash_line.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <sys/socket.h>
#include <tuple>
#include <unistd.h>

#include <millrace/error.h>

#include "exec/attempt.h"

namespace millrace::cluster {
namespace {

constexpr int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
std::atomic<int> crash_socket = -1;
std::optional<rpc::Seal> crash_seal;

using SealedNote = std::array<std::byte, sizeof(CrashNote) + rpc::Seal::overhead>;

// Nothing here allocates or locks: the thread may have been interrupted anywhere.
void on_crash(int number) {
  // The second crash, of this function or of another thread, ends the process at once.
  for (const int each : crashes) std::signal(each, SIG_DFL);
  if (const auto* attempt = static_cast<const exec::Attempt*>(TaskContext::current())) {
    CrashNote note;
    const AttemptId id = attempt->id();
    note.stage = id.stage.value;
    note.partition = id.partition.value;
    note.number = id.number;
    note.signal = number;
    const std::string_view path = attempt->input_path();
    note.has_place = path.empty() ? 0 : 1;
    std::tie(note.begin, note.end) = attempt->input_range();
    std::memcpy(note.path, path.data(), std::min(path.size(), sizeof note.path - 1));
    SealedNote sealed;
    crash_seal->close(std::as_bytes(std::span(&note, 1)), sealed);
    send(crash_socket, sealed.data(), sealed.size(), MSG_NOSIGNAL);
  }
  std::raise(number);
}

}  // namespace

void report_crashes_on(int socket, const rpc::Secret& secret) {
  crash_socket = socket;
  if (!crash_seal) crash_seal.emplace(secret);
  for (const int each : crashes) {
    struct sigaction action {};
    action.sa_handler = on_crash;
    action.sa_flags = SA_ONSTACK | SA_NODEFER;
    sigaction(each, &action, nullptr);
  }
}

void prepare_thread_for_crashes() {
  constexpr std::size_t bytes = std::size_t{64} << 10;
  thread_local std::unique_ptr<char[]> room;
  room = std::make_unique<char[]>(bytes);
  stack_t stack{};
  stack.ss_sp = room.get();
  stack.ss_size = bytes;
  sigaltstack(&stack, nullptr);
}

bool read_crash_note(rpc::Socket& socket, const rpc::Secret& secret, CrashNote& note,
                     rpc::Socket::Timeout timeout) try {
  SealedNote sealed;
  if (!socket || !socket.receive_raw_or_end(sealed, timeout)) return false;
  if (!rpc::Seal::open(secret, sealed, std::as_writable_bytes(std::span(&note, 1)))) return false;
  note.path[sizeof note.path - 1] = '\0';
  return note.magic == CrashNote::mark;
} catch (const Error&) {
  return false;
}

}  // namespace millrace::cluster
