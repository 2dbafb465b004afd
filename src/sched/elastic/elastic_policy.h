#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "sched/elastic/events.h"

namespace millrace::sched {

/// How the number of executors follows the work. Times in microseconds.
struct ElasticLimits {
  std::uint32_t most = 0;            ///< executors at once, those asked for included
  std::int64_t backlog = 1'000'000;  ///< tasks wait so long before more executors are asked for, and again before more
  std::int64_t idle = 60'000'000;    ///< an added executor without work is given back after so long
  /// One that holds what a later job may read (cached partitions, outputs of an earlier job) is kept so many times
  /// longer. What is needed after all is computed again.
  std::int64_t holding = 10;
  std::int64_t refusal = 10'000'000;  ///< after a refusal nothing is asked for so long, twice as long each time …
  std::int64_t longest_refusal = 300'000'000;  ///< … up to this
};

/// What the decisions are made of: how things stand now.
struct ElasticView {
  struct Member {
    ExecutorId id;
    bool added = false;  ///< was asked for while the run went on: the others are never given back
    bool busy = false;   ///< attempts run on it, or a live job still reads what it made
    bool holds = false;  ///< cached partitions or outputs that a later job may read
    bool leaving = false;
  };
  std::uint64_t waiting = 0;      ///< tasks that would be launched if there were more slots
  std::uint32_t slots = 1;        ///< of one executor
  std::uint32_t outstanding = 0;  ///< executors asked for that have neither come nor been refused
  std::vector<Member> members;    ///< that are there, each once
};

/// Decides when executors are asked for and given back.
///
/// While tasks wait for longer than the backlog time, 1, 2, 4, … executors are asked for, one step each backlog time:
/// a short queue costs little, a long one is served soon (as Spark's dynamic allocation does). There are never more
/// than `most`, and never more than the waiting tasks can use. Requests that nothing waits for any more are taken back.
/// An added executor that has had nothing to do for the idle time is given back, unless a live job reads what it holds.
///
/// A pure state machine, as JobScheduler: no clock, thread or randomness. `now` must not go backwards.
class ElasticPolicy {
 public:
  explicit ElasticPolicy(const ElasticLimits& limits) : limits_(limits) {}

  /// What is to be done now, in order. An executor is named once as long as it is there.
  std::vector<ElasticAction> step(const ElasticView& view, Time now);
  /// Requests were refused: whoever grants them is not asked again for a while.
  void refused(Time now);

 private:
  std::optional<ExecutorsAsked> ask(const ElasticView& view, std::uint64_t useful, Time now);
  std::optional<RequestsWithdrawn> withdraw(const ElasticView& view, std::uint64_t useful, Time now);
  void give_back(const ElasticView& view, Time now, std::vector<ElasticAction>& out);

  const ElasticLimits limits_;
  std::optional<Time> waiting_since_;  // that tasks wait, or that executors were asked for last
  std::optional<Time> surplus_since_;  // that more is asked for than the waiting tasks can use
  std::uint32_t growth_ = 1;           // asked for next
  std::optional<Time> refused_until_;
  std::int64_t refusal_ = 0;               // how long the last one counts
  std::map<ExecutorId, Time> idle_since_;  // added executors that have nothing to do
};

}  // namespace millrace::sched
