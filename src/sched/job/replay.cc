#include "sched/job/replay.h"

#include <fmt/format.h>
#include <type_traits>
#include <variant>

#include <millrace/error.h>

namespace millrace::sched {
namespace {

// What a decision is about, without its reason, as text.
std::string decision(const Action& action) {
  return std::visit(
      [&](const auto& value) {
        using Value = std::remove_cvref_t<decltype(value)>;
        std::string text = fmt::format("action {}", action.index());
        if constexpr (requires { value.job; }) text += fmt::format(", job {}", value.job);
        if constexpr (requires { value.stage; }) text += fmt::format(", stage {}", value.stage);
        if constexpr (requires { value.attempt; }) {
          text += fmt::format(", stage {}, partition {}, attempt {}", value.attempt.stage, value.attempt.partition,
                              value.attempt.number);
        }
        if constexpr (requires { value.executor; }) text += fmt::format(", executor {}", value.executor);
        if constexpr (std::is_same_v<Value, TaskCommitted>) text += value.first ? ", first" : ", again";
        return text;
      },
      action);
}

[[noreturn]] void refuse(const std::string& journal, const std::string& here) {
  throw Error(Cause::bad_data,
              fmt::format("the journal does not belong to this program and its options: it has '{}' where '{}' would "
                          "be decided; run the job afresh, without it",
                          journal, here));
}

}  // namespace

void Replay::event(const Event& event, Time at) {
  if (confirmed_ != decided_.size()) refuse("the next event", decision(decided_[confirmed_]));
  decided_.clear();
  confirmed_ = 0;
  scheduler_.replay(event, at, decided_);
}

void Replay::action(const Action& action) {
  if (const auto* launch = std::get_if<LaunchTask>(&action); launch != nullptr && launch->backup) {
    if (confirmed_ != decided_.size()) refuse(decision(action), decision(decided_[confirmed_]));
    if (!scheduler_.replay_backup(*launch)) refuse(decision(action), "no backup");
    return;
  }
  // The driver's own word on a job whose tasks were all done: its output could not be put in its place.
  if (std::holds_alternative<JobFailed>(action) && confirmed_ == decided_.size()) return;
  const std::string here = confirmed_ == decided_.size() ? "nothing" : decision(decided_[confirmed_]);
  if (decision(action) != here) refuse(decision(action), here);
  ++confirmed_;
}

std::vector<Action> Replay::rest() const {
  return {decided_.begin() + static_cast<std::ptrdiff_t>(confirmed_), decided_.end()};
}

}  // namespace millrace::sched
