#include "sched/elastic/elastic_policy.h"

#include <algorithm>
#include <fmt/format.h>

namespace millrace::sched {
namespace {

double seconds(std::int64_t microseconds) { return static_cast<double>(microseconds) / 1e6; }

std::int64_t since(const std::optional<Time>& begin, Time now) {
  return begin ? now.microseconds - begin->microseconds : 0;
}

}  // namespace

std::vector<ElasticAction> ElasticPolicy::step(const ElasticView& view, Time now) {
  std::vector<ElasticAction> out;
  const std::uint64_t useful = (view.waiting + view.slots - 1) / view.slots;
  if (auto asked = ask(view, useful, now)) out.emplace_back(std::move(*asked));
  if (auto withdrawn = withdraw(view, useful, now)) out.emplace_back(std::move(*withdrawn));
  give_back(view, now, out);
  return out;
}

void ElasticPolicy::refused(Time now) {
  refusal_ = refusal_ == 0 ? limits_.refusal : std::min(2 * refusal_, limits_.longest_refusal);
  refused_until_ = Time{now.microseconds + refusal_};
  growth_ = 1;
}

std::optional<ExecutorsAsked> ElasticPolicy::ask(const ElasticView& view, std::uint64_t useful, Time now) {
  if (view.waiting == 0) {
    waiting_since_.reset();
    growth_ = 1;
    refusal_ = 0;
    return std::nullopt;
  }
  if (!waiting_since_) waiting_since_ = now;
  const std::int64_t waited = since(waiting_since_, now);
  if (waited < limits_.backlog || (refused_until_ && now < *refused_until_)) return std::nullopt;
  const std::uint64_t there = view.members.size() + view.outstanding;
  if (useful <= view.outstanding || there >= limits_.most) return std::nullopt;
  const std::uint64_t room = std::min(useful - view.outstanding, limits_.most - there);
  ExecutorsAsked asked;
  asked.count = static_cast<std::uint32_t>(std::min<std::uint64_t>(growth_, room));
  asked.reason =
      fmt::format("{} tasks have waited for a slot for {:.1f} s; {} executors are there, {} asked for, {} allowed",
                  view.waiting, seconds(waited), view.members.size(), view.outstanding, limits_.most);
  growth_ = std::min(growth_ * 2, limits_.most);
  waiting_since_ = now;
  return asked;
}

std::optional<RequestsWithdrawn> ElasticPolicy::withdraw(const ElasticView& view, std::uint64_t useful, Time now) {
  if (view.outstanding <= useful) {
    surplus_since_.reset();
    return std::nullopt;
  }
  if (!surplus_since_) surplus_since_ = now;
  if (since(surplus_since_, now) < limits_.backlog) return std::nullopt;
  surplus_since_.reset();
  const auto count = static_cast<std::uint32_t>(view.outstanding - useful);
  return RequestsWithdrawn{
      count, fmt::format("{} tasks wait, and {} executors asked for have not come", view.waiting, view.outstanding)};
}

void ElasticPolicy::give_back(const ElasticView& view, Time now, std::vector<ElasticAction>& out) {
  std::map<ExecutorId, Time> idle;
  for (const ElasticView::Member& member : view.members) {
    if (!member.added || member.busy || member.leaving) continue;
    const auto known = idle_since_.find(member.id);
    const Time begin = known == idle_since_.end() ? now : known->second;
    const std::int64_t nothing_to_do = now.microseconds - begin.microseconds;
    if (nothing_to_do < limits_.idle * (member.holds ? limits_.holding : 1)) {
      idle.emplace(member.id, begin);
      continue;
    }
    out.emplace_back(ExecutorDraining{
        member.id, fmt::format("it has had nothing to do for {:.1f} s{}", seconds(nothing_to_do),
                               member.holds ? "; what it holds is computed again when it is needed" : "")});
  }
  idle_since_ = std::move(idle);
}

}  // namespace millrace::sched
