#include "cluster/elasticity.h"

#include <algorithm>

namespace millrace::cluster {
namespace {

sched::ElasticLimits limits_of(const Options& options) {
  sched::ElasticLimits limits;
  limits.most = options.max_executors;
  limits.idle = static_cast<std::int64_t>(options.executor_idle_ms) * 1000;
  return limits;
}

bool is_in(const std::vector<bool>& set, ExecutorId executor) {
  return executor.value < set.size() && set[executor.value];
}

}  // namespace

Elasticity::Elasticity(const Options& options, ElasticExecutors& executors)
    : executors_(executors), slots_(std::max(options.threads, 1u)), policy_(limits_of(options)) {}

sched::ElasticView Elasticity::view(const sched::JobScheduler& scheduler) const {
  sched::ElasticView view;
  view.waiting = scheduler.waiting_tasks();
  view.slots = slots_;
  view.outstanding = executors_.outstanding();
  bool some_idle = false;
  for (const ElasticExecutors::Member& member : executors_.members()) {
    const bool busy = scheduler.running_attempts(member.id) != 0;
    view.members.push_back({member.id, member.added, busy, false, member.leaving});
    some_idle = some_idle || (member.added && !busy && !member.leaving);
  }
  if (!some_idle) return view;
  // These look at every task's output.
  const std::vector<bool> read_from = scheduler.executors_read_from();
  const std::vector<bool> holders = executors_.holders();
  for (sched::ElasticView::Member& member : view.members) {
    member.busy = member.busy || is_in(read_from, member.id);
    member.holds = is_in(holders, member.id);
  }
  return view;
}

void Elasticity::tell_refusals(sched::Time now, observe::EventStream& events) {
  const std::vector<std::string> refusals = executors_.take_refusals();
  if (refusals.empty()) return;
  policy_.refused(now);
  sched::RequestsRefused refused{static_cast<std::uint32_t>(refusals.size()), refusals.back()};
  if (events.observed()) events.publish(now, std::variant<sched::RequestsRefused>(std::move(refused)));
}

void Elasticity::step(const sched::JobScheduler& scheduler, sched::Time now, observe::EventStream& events,
                      const std::function<void(const sched::ExecutorDraining&)>& drain) {
  tell_refusals(now, events);
  for (const sched::ElasticAction& action : policy_.step(view(scheduler), now)) {
    if (const auto* draining = std::get_if<sched::ExecutorDraining>(&action)) {
      drain(*draining);
      executors_.give_back(draining->executor, draining->reason);
      continue;
    }
    if (events.observed()) events.publish(now, action);
    if (const auto* asked = std::get_if<sched::ExecutorsAsked>(&action)) executors_.ask(asked->count);
    if (const auto* withdrawn = std::get_if<sched::RequestsWithdrawn>(&action)) executors_.withdraw(withdrawn->count);
  }
}

}  // namespace millrace::cluster
