#pragma once

#include <cstddef>
#include <vector>

#include "sched/job/job_scheduler.h"

namespace millrace::sched {

/// Brings a fresh scheduler into the state in which a journal left another one with the same options: the records of
/// the journal are given to it in their order.
///
/// The decisions come from the events again and are held against the journal's, so that a journal of another version or
/// of other options is not taken for this one's. A journal may end anywhere, also between an event and its actions.
class Replay {
 public:
  /// `scheduler` has seen nothing yet and must outlive this.
  explicit Replay(JobScheduler& scheduler) : scheduler_(scheduler) {}

  /// Both throw Error(bad_data) when the journal is not this scheduler's.
  void event(const Event& event, Time at);
  void action(const Action& action);

  /// At the end: what was decided and is not in the journal. It is for the host to write down and to carry out.
  std::vector<Action> rest() const;

 private:
  JobScheduler& scheduler_;
  std::vector<Action> decided_;  // by the last event
  std::size_t confirmed_ = 0;    // how many of them the journal has
};

}  // namespace millrace::sched
