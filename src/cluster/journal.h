#pragma once

#include <type_traits>
#include <variant>

#include "observe/logged.h"
#include "sched/job/replay.h"

namespace millrace::cluster {

namespace internal {
template <class Value, class Variant>
struct IsOneOf;
template <class Value, class... Each>
struct IsOneOf<Value, std::variant<Each...>> : std::disjunction<std::is_same<Value, Each>...> {};
}  // namespace internal

/// Gives one record of an event log to a replay; a record that is neither event nor action of the scheduler is passed
/// over. Throws what Replay throws.
inline void replay(const observe::Logged& record, sched::Replay& replay) {
  std::visit(
      [&](const auto& value) {
        using Value = std::remove_cvref_t<decltype(value)>;
        if constexpr (internal::IsOneOf<Value, sched::Event>::value) replay.event(value, record.at);
        if constexpr (internal::IsOneOf<Value, sched::Action>::value) replay.action(value);
      },
      record.value);
}

}  // namespace millrace::cluster
