#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <millrace/options.h>

#include "cluster/added_executors.h"
#include "cluster/block_client.h"
#include "cluster/block_server.h"
#include "cluster/executor_connection.h"
#include "cluster/executors.h"
#include "cluster/interrupt.h"
#include "cluster/launcher.h"
#include "cluster/succession.h"
#include "exec/stores.h"
#include "rpc/messages.h"

namespace millrace::cluster {

/// How the driver deals with executors in other processes.
struct RemoteSettings {
  std::uint32_t executors = 1;  ///< how many are wanted
  std::uint32_t launched = 1;   ///< of these, how many the launcher has to start
  std::chrono::milliseconds heartbeat{500};
  std::chrono::milliseconds patience{10000};    ///< silence after which an executor counts as lost
  std::chrono::milliseconds start_time{60000};  ///< until the first one must have joined
  rpc::Address listen;                          ///< port 0: any; no host: nowhere but where listen_on() says
  std::optional<std::uint32_t> life;            ///< of the run, when executors of its earlier drivers may be adopted
  bool one_machine = false;                     ///< all executors are processes of this machine
  bool adopts_for_launcher = false;  ///< those that are adopted on this machine are the launcher's from then on
};

/// Executors in other processes, each behind one stream. A single thread waits on all of the streams; what is to be
/// sent gathers while it works through what came in, and leaves in one piece.
///
/// An executor that closes its stream, says nothing for as long as the patience, or says what it should not is lost:
/// its stream is closed, its attempts and outputs are gone, and whatever it may still say is not heard. Executors that
/// this driver started are replaced, unless they keep falling over. With --max-executors, others come and go: who joins
/// with a ticket beyond the first ones was asked for, and is not replaced but asked for again when tasks wait.
class RemoteExecutors final : public Executors, private ElasticExecutors {
 public:
  /// `kept` is where outputs outlive their executors; null: they do not.
  RemoteExecutors(const Options& options, const RemoteSettings& settings, const rpc::Membership& membership,
                  storage::FileSystem& files, const exec::KeptOutputs* kept = nullptr);
  /// Tells the executors that the run is over, and sees to it that they end.
  ~RemoteExecutors() override;

  /// Where executors join.
  const rpc::Address& address() const { return address_; }
  /// Takes streams at that address of this machine, too, and says where. From start() on. Throws Error(input).
  rpc::Address listen_on(const std::string& host);
  /// Before start().
  void set_launcher(std::unique_ptr<Launcher> launcher) { launcher_ = std::move(launcher); }

  void start(ExecutorListener& listener) override;
  void launch(Launch launch) override;
  void adopt(Launch launch) override;
  void kill(const AttemptId& attempt, ExecutorId executor) override;
  void keep(ShuffleId shuffle, std::uint32_t map_task, ExecutorId executor, exec::Output output) override;
  std::optional<ExecutorId> holder(ShuffleId shuffle, std::uint32_t map_task) const override;
  void lose(ShuffleId shuffle, std::uint32_t map_task) override;
  void drop_shuffle(ShuffleId shuffle) override;
  void drop_cached(NodeId node) override;
  void drop_job(JobId job) override;
  std::uint32_t cached_partitions(NodeId node) const override;
  std::uint64_t cached_bytes(NodeId node) const override;
  std::vector<ExecutorId> cache_holders(NodeId node, std::uint32_t partition) const override;
  void progress(const VisitProgress& visit) const override;
  bool shares_memory() const override { return false; }
  bool shares_machine() const override { return settings_.one_machine; }
  bool outputs_die_with_executor() const override { return true; }
  exec::Memory& memory() override { return stores_.memory; }
  exec::TaskResult run_here(exec::TaskSpec spec) override;
  bool in_calling_thread() const override { return false; }
  bool run_next() override { return false; }
  void stop(std::chrono::milliseconds patience) override;
  std::uint32_t longest_queue() const override { return 64; }
  ElasticExecutors* elastic() override { return options_.max_executors > settings_.executors ? this : nullptr; }

  std::uint64_t broadcast_bytes_sent() const override {
    return server_ == nullptr ? 0 : server_->broadcast_bytes_sent();
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Connection = ExecutorConnection;

  struct Shuffle {
    std::uint64_t version = 1;
    exec::MapLocations made;
  };

  static constexpr ExecutorId nobody{~std::uint32_t{0}};

  // remote_adoption.cc: executors of earlier drivers.
  void adopt_survivors();
  bool some_may_come();
  void rejoin(rpc::Socket socket, const rpc::Rejoin& message);
  void rejoined();
  void take_in(rpc::Socket socket, const std::shared_ptr<Connection>& connection, const sched::ExecutorAdded& here,
               const std::map<AttemptId, std::uint64_t>& fingerprints, const std::string& surplus);
  std::string seat(Connection& connection, const rpc::Rejoin& message);
  bool has_true_broadcasts(Connection& connection);

  // remote_elastic.cc.
  std::vector<Member> members() const override;
  std::uint32_t outstanding() const override;
  std::vector<bool> holders() const override;
  void ask(std::uint32_t count) override;
  void withdraw(std::uint32_t count) override;
  void give_back(ExecutorId executor, const std::string& reason) override;
  std::vector<std::string> take_refusals() override;

  void join(rpc::Socket socket, const rpc::Join& join);
  bool is_of_this_build(rpc::Socket& socket, const rpc::Join& message) const;
  rpc::Welcome welcome() const;
  void take_crash_line(rpc::Socket socket, ExecutorId executor);
  rpc::BroadcastAt place_of(const rpc::AskBroadcast& question);
  void loop();
  bool turn();
  void wait_for_streams();
  void take(Connection& connection, std::uint8_t kind, std::span<const std::byte> payload);
  void take_end(Connection& connection, rpc::AttemptEnded message);
  sched::ExecutorAdded added(const Connection& connection) const;
  void take_cache_change(const Connection& connection, const rpc::CacheChanged& message);
  void keep_time();
  void give_up_broken();
  void tell_lost(Connection& connection);
  void replace_lost();
  void give_up_if_nobody_comes();
  void wake() const;
  template <class Message>
  void tell_all(const Message& message);
  void tell_locations(Connection& connection, ShuffleId shuffle, std::uint32_t map_tasks);
  std::vector<rpc::CachedAt> cached_elsewhere(const Launch& launch) const;
  Connection* find(ExecutorId executor);

  const Options options_;
  const RemoteSettings settings_;
  const rpc::Membership membership_;
  exec::Stores stores_;  // of the driver: results on their way to the caller
  BlockClient client_;
  std::unique_ptr<Launcher> launcher_;
  const Interruptible interruptible_;  // the loop sees to it that executors and their directory do not stay behind
  ExecutorListener* listener_ = nullptr;
  rpc::Descriptor poll_;
  rpc::Descriptor wake_;

  mutable std::mutex mutex_;
  std::condition_variable joined_;
  std::map<ExecutorId, std::shared_ptr<Connection>> connections_;
  std::map<ShuffleId, Shuffle> shuffles_;
  std::map<NodeId, std::map<std::uint32_t, std::map<ExecutorId, std::uint64_t>>> cached_;  // node, partition
  std::map<std::uint32_t, std::vector<ExecutorId>> broadcast_order_;                       // who asked, by value
  std::map<std::string, rpc::Address> listening_on_;
  std::uint32_t next_executor_ = 0;
  AddedExecutors added_;
  std::map<ExecutorId, Succession::Survivor> survivors_;  // of earlier drivers, that have not come yet
  unsigned rejoining_ = 0;                                // of these, those that have come and are not taken in yet
  std::map<std::uint32_t, rpc::Descriptor> adopted_;      // by ticket: processes on this machine
  std::uint32_t adopted_beyond_ = 0;                      // those that count as added
  std::string start_failure_;
  std::string last_end_;  // what became of the executor that ended last
  bool stopping_ = false;

  // Of the loop:
  Clock::time_point last_beat_;
  std::vector<Clock::time_point> replaced_;
  std::optional<rpc::Listener> listening_;  // until the server has it
  rpc::Address address_;
  std::unique_ptr<BlockServer> server_;
  std::atomic<std::thread::id> loop_thread_;
  std::thread thread_;
};

}  // namespace millrace::cluster
