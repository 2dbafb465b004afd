#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "observe/logged.h"

// For tests of whatever carries records.

namespace millrace::observe {

/// One record of each kind, every field set to something that is not its default.
inline std::vector<Logged> one_of_each() {
  const AttemptId attempt{StageId{1}, PartitionId{4'000'000'000}, 3};
  const ExecutorId executor{7};
  const std::string odd = "quote \" backslash \\ newline \n tab \t bell \a euro \xE2\x82\xAC";
  sched::TaskMetrics metrics{1,
                             2,
                             3,
                             4,
                             5,
                             6,
                             7,
                             8,
                             std::numeric_limits<std::uint64_t>::max(),
                             10,
                             11,
                             12,
                             {{"a", -1}, {"b\n", std::numeric_limits<std::int64_t>::min()}}};
  sched::JobSpec job{JobId{2}, odd, {}};
  job.stages.push_back({StageId{0}, "first", 5, {}, {true, true, false, true, false}, 99});
  job.stages.push_back({StageId{1}, "second", 1, {StageId{0}}, {}, 0});
  job.stages[0].holders = {executor, executor, sched::no_executor, executor, sched::no_executor};
  job.stages[1].places = {{{executor}, {"node", odd}, true}};
  job.stages[1].running = {{StageId{1}, PartitionId{0}, 7}};
  return {
      {Time{0}, RunStarted{1, "0.1", odd, "host", "cpu", 2, 3, {{"threads", "2"}}}},
      {Time{0}, sched::ExecutorAdded{executor, 4, "node", "rack", {attempt, {StageId{1}, PartitionId{0}, 7}}}},
      {Time{1}, sched::ExecutorLost{executor, "why"}},
      {Time{2}, sched::JobSubmitted{job}},
      {Time{3}, JobPlanned{JobId{2}, "line\nline", {{"/in", 5}, {"/in2", 0}}, "/out"}},
      {Time{4}, sched::JobCancelled{JobId{2}, odd}},
      {Time{5}, sched::TaskStarted{attempt, executor}},
      {Time{6}, sched::TaskSucceeded{attempt, executor, metrics}},
      {Time{7},
       sched::TaskFailed{attempt,
                         executor,
                         {Cause::lost_input, odd, {{StageId{0}, PartitionId{1}, 0}, {StageId{0}, PartitionId{2}, 0}}},
                         metrics}},
      {Time{8}, sched::LaunchTask{JobId{2}, attempt, executor, "why", true, true}},
      {Time{9}, sched::KillTask{JobId{2}, attempt, executor, "why"}},
      {Time{10}, sched::TaskCommitted{JobId{2}, attempt, executor, false, "why"}},
      {Time{11}, sched::StageStarted{JobId{2}, StageId{1}, "why"}},
      {Time{12}, sched::StageFinished{JobId{2}, StageId{1}, "why"}},
      {Time{13}, sched::StageSkipped{JobId{2}, StageId{1}, "why"}},
      {Time{14}, sched::JobSucceeded{JobId{2}, "why"}},
      {Time{15}, sched::JobFailed{JobId{2}, Cause::out_of_disk, "why"}},
      {Time{std::int64_t{1} << 53}, RunEnded{130, "interrupted", 5}},
      {Time{17}, LiveBytes{JobId{2}, StageId{1}, 5}},
      {Time{18}, sched::Tick{}},
      {Time{19}, sched::ExecutorDraining{executor, "why"}},
      {Time{20}, sched::DriverRestarted{}},
      {Time{21}, sched::ExecutorReturned{executor, {attempt, {StageId{0}, PartitionId{1}, 2}}}},
      {Time{22}, sched::TaskProgress{attempt, executor, 500'000}},
      {Time{23}, sched::ExecutorSetAside{executor, Time{99}, "why"}},
      {Time{24}, sched::ExecutorReadmitted{executor, "why"}},
      {Time{25}, sched::ExecutorsAsked{4, "why"}},
      {Time{26}, sched::RequestsWithdrawn{2, "why"}},
      {Time{27}, sched::RequestsRefused{1, "why"}},
  };
}

}  // namespace millrace::observe
