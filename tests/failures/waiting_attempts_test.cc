#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>

#include "tests/failures/faulty_machine.h"

namespace millrace::testing {
namespace {

std::atomic<unsigned> launches{0};
std::atomic<bool> let_go{false};

void wait_for_launches(unsigned count) {
  while (launches < count) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

/// One thread that is said to be three slots, so that attempts wait for it. The second attempt comes there after the
/// third, so that it waits behind it.
class SlotWithQueue final : public cluster::Executors, private cluster::ExecutorListener {
 public:
  SlotWithQueue(const Options& options, storage::FileSystem& files) : slot_(options, files) {}

  void start(cluster::ExecutorListener& listener) override {
    listener_ = &listener;
    slot_.start(*this);
  }
  void launch(cluster::Launch launch) override {
    const unsigned count = launches + 1;
    if (count == 2) {
      late_.emplace(std::move(launch));
    } else {
      slot_.launch(std::move(launch));
    }
    if (count == 3) slot_.launch(*std::exchange(late_, std::nullopt));
    launches = count;
  }
  void adopt(cluster::Launch launch) override { slot_.adopt(std::move(launch)); }
  void kill(const AttemptId& attempt, ExecutorId executor) override { slot_.kill(attempt, executor); }
  void keep(ShuffleId shuffle, std::uint32_t map_task, ExecutorId executor, exec::Output output) override {
    slot_.keep(shuffle, map_task, executor, std::move(output));
  }
  std::optional<ExecutorId> holder(ShuffleId shuffle, std::uint32_t map_task) const override {
    return slot_.holder(shuffle, map_task);
  }
  void lose(ShuffleId shuffle, std::uint32_t map_task) override { slot_.lose(shuffle, map_task); }
  void drop_shuffle(ShuffleId shuffle) override { slot_.drop_shuffle(shuffle); }
  void drop_cached(NodeId node) override { slot_.drop_cached(node); }
  void drop_job(JobId job) override { slot_.drop_job(job); }
  std::uint32_t cached_partitions(NodeId node) const override { return slot_.cached_partitions(node); }
  std::uint64_t cached_bytes(NodeId node) const override { return slot_.cached_bytes(node); }
  std::vector<ExecutorId> cache_holders(NodeId node, std::uint32_t partition) const override {
    return slot_.cache_holders(node, partition);
  }
  void progress(const VisitProgress& visit) const override { slot_.progress(visit); }
  bool shares_memory() const override { return true; }
  bool shares_machine() const override { return true; }
  bool outputs_die_with_executor() const override { return false; }
  exec::Memory& memory() override { return slot_.memory(); }
  exec::TaskResult run_here(exec::TaskSpec spec) override { return slot_.run_here(std::move(spec)); }
  bool in_calling_thread() const override { return false; }
  bool run_next() override { return false; }
  void stop(std::chrono::milliseconds patience) override { slot_.stop(patience); }

 private:
  void executor_added(const sched::ExecutorAdded& added) override {
    sched::ExecutorAdded with_queue = added;
    with_queue.slots = 3;
    listener_->executor_added(with_queue);
  }
  void executor_adopted(const sched::ExecutorAdded& added, const std::map<AttemptId, std::uint64_t>& fingerprints,
                        const std::string& surplus) override {
    listener_->executor_adopted(added, fingerprints, surplus);
  }
  void executor_lost(const sched::ExecutorLost& lost) override { listener_->executor_lost(lost); }
  void executors_gone(const std::string& reason) override { listener_->executors_gone(reason); }
  void attempt_started(const AttemptId& attempt, ExecutorId executor) override {
    listener_->attempt_started(attempt, executor);
  }
  void attempt_ended(cluster::AttemptEnd end) override { listener_->attempt_ended(std::move(end)); }
  void time_passed() override { listener_->time_passed(); }
  bool observed() const override { return listener_->observed(); }

  cluster::ExecutorListener* listener_ = nullptr;
  std::optional<cluster::Launch> late_;
  cluster::LocalExecutors slot_;
};

/// The first of two tasks fails when another job's task lies before the second.
std::uint64_t fails(std::uint64_t i) {
  if (i != 0) return i;
  wait_for_launches(3);
  throw std::runtime_error("not this one");
}

std::uint64_t takes_long(std::uint64_t i) {
  while (!let_go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return i;
}

TEST(WaitingAttempts, AFailedJobDoesNotWaitForTheTaskOfAnother) {
  Options options = FaultyMachine::options(1);
  options.attempts = 1;
  FaultyMachine machine;
  observe::EventStream events;
  Context context(std::make_shared<dataset::DriverSession>(
      options, machine.files,
      std::make_unique<cluster::JobRunner>(options, machine.files, events,
                                           std::make_unique<SlotWithQueue>(options, machine.files))));
  const auto numbers = [&](std::uint32_t count) {
    return context.generate(
        count, [](std::uint64_t i) { return i; }, count);
  };
  auto failing = std::async(std::launch::async, [&] {
    try {
      numbers(2).map(fails).sum();
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  });
  wait_for_launches(2);
  auto other = std::async(std::launch::async, [&] { return numbers(1).map(takes_long).count(); });
  const bool returned = failing.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  let_go = true;
  EXPECT_TRUE(returned) << "it waited for the other job's task";
  EXPECT_NE(failing.get().find("not this one"), std::string::npos);
  EXPECT_EQ(other.get(), 1u);
}

}  // namespace
}  // namespace millrace::testing
