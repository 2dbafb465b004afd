#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include <millrace/internal/session.h>

#include "dataset/runner.h"
#include "storage/file_system.h"

namespace millrace::dataset {

/// The driver's side of datasets: builds lineage, cuts it into jobs and has them run. Any thread may call it.
class DriverSession final : public internal::Session, public std::enable_shared_from_this<DriverSession> {
 public:
  DriverSession(Options options, storage::FileSystem& files, std::unique_ptr<Runner> runner);
  ~DriverSession() override;

  const Options& options() const override { return options_; }
  internal::NodePtr source(const std::string& operation, Site site, const internal::SourceSpec& spec) override;
  internal::NodePtr values(const std::string& operation, Site site, std::vector<std::vector<std::byte>> partitions,
                           std::uint64_t bytes, bool ranges) override;
  internal::NodePtr in_memory(const internal::NodePtr& source) override;
  internal::NodePtr narrow(const std::string& operation, Site site, std::vector<internal::NodePtr> parents,
                           std::uint32_t partitions, bool elementwise = false) override;
  internal::NodePtr shuffle(const std::string& operation, Site site, const internal::NodePtr& parent,
                            std::uint64_t map_code, std::vector<std::byte> map_closure,
                            std::uint32_t partitions) override;
  internal::NodePtr persist(Site site, const internal::NodePtr& parent, Persist level) override;
  void unpersist(const internal::NodePtr& node) override;
  std::uint32_t default_partitions(const internal::NodePtr& node) const override;
  void check_captured(std::span<const std::byte> bytes, const std::string& operation, Site site) const override;
  void run(internal::Action action, const std::function<void(std::span<const std::byte>)>& result) override;
  bool can_sample(const internal::NodePtr& node) const override;
  std::string explain(const internal::NodePtr& node) const override;
  std::uint32_t broadcast(std::vector<std::byte> value) override;
  std::uint32_t accumulator() override;
  std::int64_t counter(const std::string& name) const override;
  std::string checkpoint_directory() override;

 private:
  std::shared_ptr<plan::Node> new_node(plan::NodeKind kind, const std::string& operation, Site site);
  std::string note(const plan::Node& node) const;
  StageId stage_of(ShuffleId shuffle);

  const Options options_;
  storage::FileSystem& files_;
  std::unique_ptr<Runner> runner_;
  std::atomic<std::uint32_t> next_node_{0};
  std::atomic<std::uint32_t> next_job_{0};
  std::mutex mutex_;
  std::uint32_t next_stage_ = 0;
  std::map<ShuffleId, StageId> stages_;
  std::vector<std::uint32_t> broadcasts_;
  std::uint64_t shared_ = 0;  // digest of the values, in the order in which they were made
  std::string checkpoints_;   // the directory of all of this session's checkpoints, once there is one
  std::uint32_t next_checkpoint_ = 0;
};

}  // namespace millrace::dataset
