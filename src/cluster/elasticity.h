#pragma once

#include <functional>

#include <millrace/options.h>

#include "cluster/executors.h"
#include "observe/event_stream.h"
#include "sched/elastic/elastic_policy.h"
#include "sched/job/job_scheduler.h"

namespace millrace::cluster {

/// Shows the elastic policy how things stand, and has the executors carry out what it decides. Owned by the job runner
/// and called under its lock.
class Elasticity {
 public:
  /// `executors` outlives this.
  Elasticity(const Options& options, ElasticExecutors& executors);

  /// Time has passed. What is decided is published, and carried out; `drain` tells the scheduler before an executor
  /// goes.
  void step(const sched::JobScheduler& scheduler, sched::Time now, observe::EventStream& events,
            const std::function<void(const sched::ExecutorDraining&)>& drain);

 private:
  sched::ElasticView view(const sched::JobScheduler& scheduler) const;
  void tell_refusals(sched::Time now, observe::EventStream& events);

  ElasticExecutors& executors_;
  const std::uint32_t slots_;
  sched::ElasticPolicy policy_;
};

}  // namespace millrace::cluster
