#include "observe/page_data.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace millrace::observe {
namespace {

using nlohmann::json;

constexpr std::size_t most_attempts = 250'000;

std::size_t attempts_of(const RunModel& model) {
  std::size_t attempts = 0;
  for (const auto& [id, job] : model.jobs()) {
    for (const StageRow& stage : job.stages) attempts += stage.attempts.size();
  }
  return attempts;
}

json stage_data(const StageRow& stage, std::size_t every, std::size_t& counted) {
  json data = {{"job", stage.job.value}, {"id", stage.id.value}, {"name", stage.name}};
  static constexpr const char* columns[] = {"partition", "attempt", "executor", "state",
                                            "start",     "took",    "read",     "written"};
  for (const char* column : columns) data[column] = json::array();
  for (const AttemptRow& attempt : stage.attempts) {
    if (attempt.state == AttemptState::counted && counted++ % every != 0) continue;
    data["partition"].push_back(attempt.partition.value);
    data["attempt"].push_back(attempt.number);
    data["executor"].push_back(attempt.executor.value);
    data["state"].push_back(static_cast<int>(attempt.state));
    data["start"].push_back(attempt.started);
    data["took"].push_back(attempt.duration());
    data["read"].push_back(attempt.bytes_in);
    data["written"].push_back(attempt.bytes_out);
  }
  return data;
}

}  // namespace

bool page_data_is_a_sample(const RunModel& model) { return attempts_of(model) > most_attempts; }

std::string page_data(const RunModel& model) {
  const std::size_t every = attempts_of(model) / most_attempts + 1;
  json data = {{"end", model.now()}, {"executors", json::array()}, {"stages", json::array()}};
  for (const auto& [id, executor] : model.executors()) {
    data["executors"].push_back({{"id", id.value}, {"host", executor.host}, {"lost", executor.lost}});
  }
  std::size_t counted = 0;
  for (const auto& [id, job] : model.jobs()) {
    for (const StageRow& stage : job.stages) data["stages"].push_back(stage_data(stage, every, counted));
  }
  const std::string text = data.dump(-1, ' ', false, json::error_handler_t::replace);
  // "</script>" inside a string would end the element, and "<!--" would change how it is read.
  std::string safe;
  safe.reserve(text.size());
  for (const char character : text) {
    if (character == '<') {
      safe += "\\u003c";
    } else {
      safe += character;
    }
  }
  return safe;
}

}  // namespace millrace::observe
