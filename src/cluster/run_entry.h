#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <millrace/options.h>

#include "rpc/socket.h"
#include "sched/job/job_scheduler.h"

namespace millrace::cluster {

/// The directory of this user's runs on this machine: below $XDG_RUNTIME_DIR, else below /tmp. Nothing when it is not
/// there, cannot be made (with `make`), or others than this user could write in it.
std::optional<std::string> runs_directory(bool make);

/// A run in the list of `millrace ps`: a small file with what the system does not know of the process. As long as the
/// run goes on, its process holds a lock (fcntl(2)) on the file: whoever can have the lock knows that the run is over,
/// however it ended, and nobody can mistake another process of the same number for it.
///
/// A run goes on without an entry where there can be none. Not safe for two threads; remove_run_entry() alone may be
/// called at any time.
class RunEntry {
 public:
  /// "tmp" in it is where the run's own directory is. `page` is the address of the run's page; empty: it has none.
  RunEntry(const Options& options, const std::string& page) noexcept;
  ~RunEntry();
  RunEntry(const RunEntry&) = delete;
  RunEntry& operator=(const RunEntry&) = delete;

  /// Whether it is time to write again how things stand: now and then, and soon when the number of live jobs has
  /// changed. What takes no time is not written at all.
  bool due(sched::Time now, std::size_t jobs) const noexcept {
    constexpr std::int64_t often = 50'000, seldom = 200'000;
    if (!file_ || jobs == 0) return file_ && jobs_ != 0;
    return now.microseconds - written_.microseconds >= (jobs != jobs_ ? often : seldom);
  }
  void write(sched::Time now, const sched::SchedulerSummary& summary) noexcept;

 private:
  void enter(const Options& options, const std::string& page);

  rpc::Descriptor file_;
  std::string path_;
  std::size_t status_at_ = 0;  // where the line begins that changes
  sched::Time written_;
  std::size_t jobs_ = 0;
};

/// Takes the entry of this process's run away, from a signal handler or wherever destructors will not run.
void remove_run_entry() noexcept;

}  // namespace millrace::cluster
