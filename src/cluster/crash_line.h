#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "rpc/seal.h"
#include "rpc/socket.h"

namespace millrace::cluster {

/// What a process says in its last moment of the attempt that brought it down. Its bytes are sent sealed and beside the
/// stream's own encryption, by a signal handler that may do nothing but send.
struct CrashNote {
  static constexpr std::uint32_t mark = 0x4352534d;
  std::uint32_t magic = mark;
  std::uint32_t stage = 0, partition = 0, number = 0;
  std::int32_t signal = 0;
  std::uint32_t has_place = 0;
  std::uint64_t begin = 0, end = 0;  ///< of the task's part of the file
  char path[1024] = {};
};

/// In an executor: from here on, a signal by which a function of the job ends the process (SIGSEGV, SIGBUS, SIGFPE,
/// SIGILL, SIGABRT) is told on the socket before it does so. The socket must stay open until another one
/// takes its place.
void report_crashes_on(int socket, const rpc::Secret& secret);
/// In every thread that runs attempts: room for the handler when it is the stack that ran out.
void prepare_thread_for_crashes();

/// In the driver, when the stream of an executor has ended: what it said on its crash line. False when it did not
/// crash, or has not said so within the timeout.
bool read_crash_note(rpc::Socket& socket, const rpc::Secret& secret, CrashNote& note, rpc::Socket::Timeout timeout);

}  // namespace millrace::cluster
