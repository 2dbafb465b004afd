#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sched/job/job_scheduler.h"

// Drives the scheduler through random worlds, each from one seed: jobs that share stages, executors that come and go,
// bring along attempts of an earlier driver, outputs that vanish silently, attempts that fail by every cause and answer
// in any order. The world keeps its own
// account of what is true and holds every action against it.

namespace millrace::sched {
namespace {

using TaskKey = std::pair<StageId, PartitionId>;

struct WorldOptions {
  double failure = 0;        // chance that an attempt fails by a random cause
  double fatal = 0;          // share of failures by a cause that fails the job at once
  double vanish = 0;         // chance a step that some output vanishes without a word
  double lose_executor = 0;  // chance a step
  double cancel = 0;         // chance a step
  double bring = 0;          // chance that an executor brings along attempts of an earlier driver
  bool outputs_die = false;
  bool skip_bad_records = false;
  int jobs = 1;
};

class World {
 public:
  World(std::uint32_t seed, WorldOptions options)
      : random_(seed), world_(options), limits_(options_for(options)), scheduler_(limits_) {
    make_stages();
  }

  void run() {
    if (world_.bring > 0) step(DriverRestarted{});  // numbers of an earlier life are not used again
    for (int i = 0; i < 2; ++i) add_executor();
    for (int steps = 0; steps < 3000 && (submitted_ < world_.jobs || !in_flight_.empty() || !live_.empty()); ++steps) {
      chaos(steps);
      if (testing::Test::HasFailure()) return;
    }
    calm_ = true;
    add_executor();
    for (int steps = 0; !in_flight_.empty() && steps < 100000; ++steps) {
      answer();
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_TRUE(in_flight_.empty()) << "attempts never end";
    EXPECT_TRUE(live_.empty()) << "a job never ended: a task was forgotten";
    EXPECT_EQ(scheduler_.live_jobs(), 0u);
    EXPECT_EQ(scheduler_.running_attempts(), 0u);
  }

  // How often rare paths were taken, so that a test can tell that the worlds reach them.
  std::map<std::string, int> reached;
  // Every action as text: two runs of one seed must be equal.
  std::string log;

 private:
  struct Output {
    ExecutorId executor;
    std::uint64_t commit_step = 0;
    bool available = false;  // truth
    bool known_lost = true;  // what the scheduler has been told
    bool flagged = false;    // by StageSpec::done, which does not say on which executor it is
  };
  struct Flight {
    AttemptId attempt;
    ExecutorId executor;
    JobId job;
    std::uint64_t step = 0;
    bool killed = false;
    bool unclaimed = false;
  };
  struct Faults {
    int counted = 0, internal = 0, losses = 0;
    std::set<Cause> causes;
  };

  static Options options_for(const WorldOptions& world) {
    Options options;
    options.outputs_die_with_executor = world.outputs_die;
    options.retry.skip_bad_records = world.skip_bad_records;
    return options;
  }

  std::uint32_t below(std::uint32_t limit) {
    return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random_);
  }
  bool chance(double p) { return std::bernoulli_distribution(p)(random_); }

  void make_stages() {
    const std::uint32_t count = 1 + below(5);
    for (std::uint32_t id = 0; id < count; ++id) {
      StageSpec stage;
      stage.id = StageId{id};
      stage.tasks = below(8) == 0 ? 0 : 1 + below(6);
      for (std::uint32_t parent = 0; parent < id; ++parent) {
        if (chance(0.5)) stage.parents.push_back(StageId{parent});
      }
      stages_[stage.id] = stage;
    }
  }

  void add_executor() {
    const ExecutorId id{static_cast<std::uint32_t>(next_executor_++)};
    executors_[id] = 1 + below(3);
    ExecutorAdded added{id, executors_[id], "host"};
    while (chance(world_.bring) && added.running.size() < executors_[id]) {
      const AttemptId attempt{StageId{below(5)}, PartitionId{below(6)}, brought_++};
      if (!stages_.contains(attempt.stage) || results_.contains(attempt.stage)) continue;
      added.running.push_back(attempt);
      in_flight_.push_back({attempt, id, {}, step_, false, true});
      ++reached["brought along"];
    }
    step(added);
  }

  void submit() {
    const JobId id{static_cast<std::uint32_t>(submitted_++)};
    StageSpec result;
    result.id = StageId{static_cast<std::uint32_t>(stages_.size())};
    result.tasks = 1 + below(5);
    std::set<StageId> members;
    for (const auto& [stage, spec] : stages_) {
      if (results_.count(stage) == 0 && chance(0.4)) result.parents.push_back(stage);
    }
    members.insert(result.parents.begin(), result.parents.end());
    for (auto member = members.rbegin(); member != members.rend(); ++member) {
      members.insert(stages_[*member].parents.begin(), stages_[*member].parents.end());
    }
    members.insert(result.id);
    stages_[result.id] = result;
    results_.insert(result.id);
    JobSpec job{id, "job", {}};
    for (const StageId member : members) {
      StageSpec spec = stages_[member];
      const bool is_live = live(member);
      for (std::uint32_t partition = 0; partition < spec.tasks; ++partition) {
        Output& output = outputs_[{member, PartitionId{partition}}];
        spec.done.push_back(!is_live && output.commit_step > 0 && !output.known_lost);
        if (!is_live) output.flagged = spec.done.back();
      }
      for (const Flight& flight : in_flight_) {
        if (flight.unclaimed && flight.attempt.stage == member && chance(0.8)) spec.running.push_back(flight.attempt);
      }
      offered_.insert(spec.running.begin(), spec.running.end());
      job.stages.push_back(std::move(spec));
    }
    live_[id] = members;
    step(JobSubmitted{std::move(job)});
  }

  void chaos(int steps) {
    if (submitted_ < world_.jobs && (steps == 0 || chance(0.1))) submit();
    if (chance(world_.vanish)) vanish();
    if (chance(world_.lose_executor) && !executors_.empty()) lose_executor();
    if (executors_.size() < 4 && chance(0.1)) add_executor();
    if (chance(world_.cancel) && !live_.empty()) {
      auto job = std::next(live_.begin(), below(static_cast<std::uint32_t>(live_.size())));
      cancelled_.insert(job->first);
      step(JobCancelled{job->first, "chance"});
    }
    if (chance(0.02)) step(Tick{});
    if (chance(0.05) && !answered_.empty()) {  // a message that arrives twice
      const Flight& old = answered_[below(static_cast<std::uint32_t>(answered_.size()))];
      late_ = true;
      step(TaskSucceeded{old.attempt, old.executor, {}});
      late_ = false;
    }
    if (!in_flight_.empty()) answer();
  }

  void vanish() {
    std::vector<TaskKey> there;
    for (const auto& [key, output] : outputs_) {
      if (output.available && results_.count(key.first) == 0) there.push_back(key);
    }
    if (!there.empty()) outputs_[there[below(static_cast<std::uint32_t>(there.size()))]].available = false;
  }

  void lose_executor() {
    const auto executor = std::next(executors_.begin(), below(static_cast<std::uint32_t>(executors_.size())));
    const ExecutorId id = executor->first;
    executors_.erase(executor);
    for (auto flight = in_flight_.begin(); flight != in_flight_.end();) {
      if (flight->executor == id) {
        ++faults_[key(flight->attempt)].losses;
        faults_[key(flight->attempt)].causes.insert(Cause::lost_node);
        answered_.push_back(*flight);
        flight = in_flight_.erase(flight);
      } else {
        ++flight;
      }
    }
    if (world_.outputs_die) {
      for (auto& [task, output] : outputs_) {
        if (output.commit_step == 0 || output.executor != id || results_.count(task.first) != 0) continue;
        output.available = false;
        if (!output.flagged || !live(task.first)) output.known_lost = true;
      }
    }
    ++reached["executor lost"];
    step(ExecutorLost{id, "chance"});
  }

  bool live(StageId stage) const {
    return std::any_of(live_.begin(), live_.end(), [&](const auto& each) { return each.second.count(stage) != 0; });
  }

  static TaskKey key(const AttemptId& attempt) { return {attempt.stage, attempt.partition}; }

  void answer() {
    const auto at = in_flight_.begin() + below(static_cast<std::uint32_t>(in_flight_.size()));
    const Flight flight = *at;
    if (chance(0.3)) step(TaskStarted{flight.attempt, flight.executor});
    in_flight_.erase(std::find_if(in_flight_.begin(), in_flight_.end(),
                                  [&](const Flight& each) { return each.attempt == flight.attempt; }));
    answered_.push_back(flight);
    if (flight.killed) ++reached["killed attempt answered"];

    TaskFailure failure;
    failure.message = "injected";
    for (const StageId parent : stages_[flight.attempt.stage].parents) {
      for (std::uint32_t partition = 0; partition < stages_[parent].tasks; ++partition) {
        if (!outputs_[{parent, PartitionId{partition}}].available) {
          failure.lost.push_back({parent, PartitionId{partition}, 0});
        }
      }
    }
    if (!failure.lost.empty()) {
      failure.cause = Cause::lost_input;
      for (const AttemptId& lost : failure.lost) {
        Output& output = outputs_[key(lost)];
        if (!flight.killed && !flight.unclaimed && output.commit_step <= flight.step) output.known_lost = true;
      }
      ++faults_[key(flight.attempt)].losses;
      faults_[key(flight.attempt)].causes.insert(Cause::lost_input);
      ++reached["input lost"];
      step(TaskFailed{flight.attempt, flight.executor, failure, {}});
    } else if (!calm_ && chance(world_.failure)) {
      failure.cause = random_cause();
      Faults& faults = faults_[key(flight.attempt)];
      ++(failure.cause == Cause::lost_node ? faults.losses : faults.counted);
      if (failure.cause == Cause::internal) ++faults.internal;
      faults.causes.insert(failure.cause);
      step(TaskFailed{flight.attempt, flight.executor, failure, {}});
    } else {
      succeeded_ = flight;
      step(TaskSucceeded{flight.attempt, flight.executor, {}});
      succeeded_.reset();
    }
  }

  Cause random_cause() {
    static constexpr Cause fatal[] = {Cause::out_of_disk, Cause::input, Cause::output, Cause::usage};
    static constexpr Cause retried[] = {Cause::user_code, Cause::bad_data, Cause::out_of_memory, Cause::lost_node,
                                        Cause::internal};
    return chance(world_.fatal) ? fatal[below(4)] : retried[below(world_.skip_bad_records ? 4 : 5)];
  }

  void step(const Event& event) {
    ++step_;
    actions_.clear();
    scheduler_.step(event, Time{static_cast<std::int64_t>(step_)}, actions_);
    for (const Action& action : actions_) std::visit([this](const auto& a) { check(a); }, action);
    EXPECT_EQ(scheduler_.running_attempts(), in_flight_.size());
  }

  void check_adopted(const LaunchTask& action) {
    const auto flight = std::find_if(in_flight_.begin(), in_flight_.end(),
                                     [&](const Flight& each) { return each.attempt == action.attempt; });
    ASSERT_NE(flight, in_flight_.end()) << "adopted what does not run";
    EXPECT_TRUE(flight->unclaimed && !flight->killed && flight->executor == action.executor);
    EXPECT_TRUE(offered_.contains(action.attempt)) << "adopted an attempt of another stage";
    for (const Flight& other : in_flight_) {
      const bool same = key(other.attempt) == key(action.attempt);
      EXPECT_FALSE(same && !other.killed && !other.unclaimed) << "a task runs twice";
    }
    flight->unclaimed = false;
    flight->job = action.job;
    flight->step = step_;
    ++reached["adopted"];
  }

  void check(const LaunchTask& action) {
    note(action.adopted ? "adopt" : "launch", action.attempt, action.reason);
    if (action.adopted) return check_adopted(action);
    EXPECT_TRUE(live_.count(action.job)) << "launched for a job that is over";
    EXPECT_TRUE(live_[action.job].count(action.attempt.stage));
    ASSERT_TRUE(executors_.count(action.executor)) << "launched on a dead executor";
    const auto busy = std::count_if(in_flight_.begin(), in_flight_.end(),
                                    [&](const Flight& flight) { return flight.executor == action.executor; });
    EXPECT_LT(busy, executors_[action.executor]) << "more attempts than slots";
    EXPECT_TRUE(attempts_.insert(action.attempt).second) << "an attempt number came twice";
    for (const Flight& flight : in_flight_) {
      EXPECT_FALSE(!flight.killed && key(flight.attempt) == key(action.attempt)) << "a task runs twice";
    }
    for (const StageId parent : stages_[action.attempt.stage].parents) {
      for (std::uint32_t partition = 0; partition < stages_[parent].tasks; ++partition) {
        const Output& output = outputs_[{parent, PartitionId{partition}}];
        EXPECT_TRUE(output.commit_step > 0 && !output.known_lost) << "launched before its input was there";
      }
    }
    if (action.attempt.number > 0) ++reached["launched again"];
    in_flight_.push_back({action.attempt, action.executor, action.job, step_, false});
  }

  void check(const KillTask& action) {
    note("kill", action.attempt, action.reason);
    EXPECT_TRUE(executors_.count(action.executor)) << "killed on a dead executor";
    const auto flight = std::find_if(in_flight_.begin(), in_flight_.end(),
                                     [&](const Flight& each) { return each.attempt == action.attempt; });
    ASSERT_NE(flight, in_flight_.end()) << "killed what does not run";
    EXPECT_FALSE(flight->killed) << "killed twice";
    EXPECT_EQ(flight->executor, action.executor);
    flight->killed = true;
    flight->unclaimed = false;
    ++reached["killed"];
  }

  void check(const TaskCommitted& action) {
    note("commit", action.attempt, action.reason);
    ASSERT_TRUE(succeeded_ && succeeded_->attempt == action.attempt) << "committed what did not succeed";
    EXPECT_FALSE(late_) << "committed a result that came twice";
    EXPECT_FALSE(succeeded_->killed) << "committed what was killed";
    Output& output = outputs_[key(action.attempt)];
    EXPECT_TRUE(output.known_lost) << "committed twice";
    if (!action.first) ++reached["made again"];
    EXPECT_TRUE(action.first || output.commit_step > 0) << "said to be made again, and never was made";
    output = {action.executor, step_, true, false, false};
  }

  void check(const StageStarted& action) { note("start", {action.stage, {}, 0}, action.reason); }
  void check(const StageFinished& action) {
    note("finish", {action.stage, {}, 0}, action.reason);
    for (std::uint32_t partition = 0; partition < stages_[action.stage].tasks; ++partition) {
      EXPECT_FALSE((outputs_[{action.stage, PartitionId{partition}}].known_lost)) << "finished with a task missing";
    }
  }
  void check(const StageSkipped& action) { note("skip", {action.stage, {}, 0}, action.reason); }

  void check(const ExecutorSetAside& action) {
    note("set aside", {{}, {}, action.executor.value}, action.reason);
    EXPECT_TRUE(executors_.count(action.executor)) << "set aside a dead executor";
    EXPECT_GT(action.until, Time{static_cast<std::int64_t>(step_)});
    ++reached["set aside"];
  }
  void check(const ExecutorReadmitted& action) {
    note("readmitted", {{}, {}, action.executor.value}, action.reason);
    EXPECT_TRUE(executors_.count(action.executor)) << "readmitted a dead executor";
    ++reached["readmitted"];
  }

  void check(const JobSucceeded& action) {
    note("job succeeded", {{}, {}, action.job.value}, action.reason);
    ASSERT_TRUE(live_.count(action.job)) << "a job ended twice";
    const StageId result = *live_[action.job].rbegin();
    for (std::uint32_t partition = 0; partition < stages_[result].tasks; ++partition) {
      EXPECT_GT((outputs_[{result, PartitionId{partition}}].commit_step), 0u) << "succeeded with a task missing";
    }
    end(action.job);
    ++reached["job succeeded"];
  }

  void check(const JobFailed& action) {
    note("job failed", {{}, {}, action.job.value}, action.reason);
    ASSERT_TRUE(live_.count(action.job)) << "a job ended twice";
    EXPECT_TRUE(cancelled_.count(action.job) || explained(action))
        << "failed by " << name(action.cause) << ": " << action.reason;
    end(action.job);
    ++reached["job failed"];
  }

  bool explained(const JobFailed& action) const {
    for (const auto& [task, faults] : faults_) {
      if (live_.at(action.job).count(task.first) == 0 || faults.causes.count(action.cause) == 0) continue;
      switch (action.cause) {
        case Cause::out_of_disk:
        case Cause::input:
        case Cause::output:
        case Cause::usage:
          return true;
        case Cause::lost_node:
        case Cause::lost_input:
          if (faults.losses >= limits_.retry.max_losses) return true;
          break;
        case Cause::internal:
          if (faults.internal >= 2 || faults.counted >= limits_.retry.max_attempts) return true;
          break;
        case Cause::bad_data:
          if (!world_.skip_bad_records || faults.counted >= limits_.retry.max_attempts) return true;
          break;
        default:
          if (faults.counted >= limits_.retry.max_attempts) return true;
      }
    }
    return false;
  }

  void end(JobId job) {
    live_.erase(job);
    for (const Flight& flight : in_flight_) {
      EXPECT_TRUE(live(flight.attempt.stage) || flight.killed || flight.unclaimed) << "an attempt outlives its job";
    }
  }

  void note(const char* what, const AttemptId& id, const std::string& reason) {
    EXPECT_NE(reason, "");
    log += fmt::format("{} {} {}.{}#{} {}\n", step_, what, id.stage, id.partition, id.number, reason);
  }

  std::mt19937 random_;
  WorldOptions world_;
  Options limits_;
  JobScheduler scheduler_;
  std::vector<Action> actions_;
  std::map<StageId, StageSpec> stages_;
  std::set<StageId> results_;
  std::map<JobId, std::set<StageId>> live_;
  std::set<JobId> cancelled_;
  std::map<ExecutorId, std::uint32_t> executors_;
  std::map<TaskKey, Output> outputs_;
  std::map<TaskKey, Faults> faults_;
  std::set<AttemptId> attempts_;
  std::set<AttemptId> offered_;  // of those brought along, the ones that their stages have named
  std::uint32_t brought_ = 0;
  std::vector<Flight> in_flight_, answered_;
  std::optional<Flight> succeeded_;
  std::uint64_t step_ = 0;
  int next_executor_ = 0, submitted_ = 0;
  bool calm_ = false, late_ = false;
};

WorldOptions options_of(std::uint32_t seed) {
  std::mt19937 random(seed * 2654435761u + 1);
  const auto pick = [&](std::initializer_list<double> values) {
    return *(values.begin() + std::uniform_int_distribution<std::size_t>(0, values.size() - 1)(random));
  };
  WorldOptions options;
  options.failure = pick({0, 0.05, 0.2, 0.5});
  options.fatal = pick({0, 0, 0.05});
  options.vanish = pick({0, 0.02, 0.1});
  options.lose_executor = pick({0, 0.01, 0.05});
  options.cancel = pick({0, 0, 0.005});
  options.bring = pick({0, 0.3, 0.6});
  options.outputs_die = pick({0, 1}) > 0;
  options.skip_bad_records = pick({0, 1}) > 0;
  options.jobs = static_cast<int>(pick({1, 2, 4}));
  return options;
}

TEST(JobSchedulerRandomTest, KeepsItsPromisesInEveryWorld) {
  std::map<std::string, int> reached;
  for (std::uint32_t seed = 0; seed < 20000; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    World world(seed, options_of(seed));
    world.run();
    if (testing::Test::HasFailure()) {
      std::printf("%s", world.log.c_str());
      return;
    }
    for (const auto& [what, count] : world.reached) reached[what] += count;
  }
  for (const char* what : {"executor lost", "input lost", "launched again", "made again", "killed",
                           "killed attempt answered", "brought along", "adopted", "job succeeded", "job failed"}) {
    EXPECT_GT(reached[what], 100) << what << " is hardly ever reached";
  }
}

TEST(JobSchedulerRandomTest, OneSeedIsOneHistory) {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    World first(seed, options_of(seed)), second(seed, options_of(seed));
    first.run();
    second.run();
    EXPECT_EQ(first.log, second.log) << "seed=" << seed;
  }
}

TEST(JobSchedulerRandomTest, AWorldWithoutFaultsSucceeds) {
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    WorldOptions options;
    options.jobs = 3;
    World world(seed, options);
    world.run();
    EXPECT_EQ(world.reached["job succeeded"], 3) << "seed=" << seed;
    EXPECT_EQ(world.reached["launched again"], 0) << "seed=" << seed;
  }
}

}  // namespace
}  // namespace millrace::sched
