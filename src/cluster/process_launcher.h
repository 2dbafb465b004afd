#pragma once

#include <map>
#include <memory>
#include <sys/types.h>

#include "cluster/launcher.h"
#include "cluster/run_directory.h"

namespace millrace::cluster {

/// Executors on this machine: child processes of the same executable with the same arguments. What they print goes to
/// the run's directory, which goes with the last of them.
class ProcessLauncher final : public Launcher {
 public:
  explicit ProcessLauncher(std::unique_ptr<RunDirectory> directory) : directory_(std::move(directory)) {}
  ~ProcessLauncher() override;

  void launch(std::uint32_t ticket) override;
  std::vector<std::pair<std::uint32_t, std::string>> ended() override;
  void kill(std::uint32_t ticket) override;
  void adopt(std::uint32_t ticket, rpc::Descriptor process) override { adopted_[ticket] = std::move(process); }
  void finish(std::chrono::milliseconds patience) override;
  bool replaces() const override { return true; }
  std::string last_words(std::uint32_t ticket) override;

 private:
  const std::unique_ptr<RunDirectory> directory_;
  bool all_ended() const { return children_.empty() && adopted_.empty(); }

  std::map<pid_t, std::uint32_t> children_;
  std::map<std::uint32_t, rpc::Descriptor> adopted_;   // by ticket; readable when the process has ended
  std::map<std::uint32_t, std::uint64_t> log_begins_;  // where the present process with the ticket began to print
};

}  // namespace millrace::cluster
