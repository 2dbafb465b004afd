#include "cluster/interrupt.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <unistd.h>

#include "cluster/run_entry.h"

namespace millrace::cluster {
namespace {

constexpr int interrupted_status = 130;  // 128 + SIGINT, as shells report it
std::atomic<int> watchers{0};
std::atomic<bool> signalled{false};

void on_signal(int) {
  if (watchers.load() != 0 && !signalled.exchange(true)) return;
  remove_run_entry();
  _exit(interrupted_status);
}

}  // namespace

void install_interrupt_handlers() {
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction present {};
    if (sigaction(number, nullptr, &present) != 0 || present.sa_handler != SIG_DFL) continue;
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(number, &action, nullptr);
  }
}

Interruptible::Interruptible() { ++watchers; }
Interruptible::~Interruptible() { --watchers; }

bool interrupted() { return signalled.load(std::memory_order_relaxed); }

void exit_interrupted() {
  static std::atomic<bool> exiting{false};
  while (exiting.exchange(true)) pause();
  std::fputs("millrace: interrupted\n", stderr);
  std::fflush(stdout);
  remove_run_entry();
  std::quick_exit(interrupted_status);  // what jobs registered with at_quick_exit cleans up behind them
}

}  // namespace millrace::cluster
