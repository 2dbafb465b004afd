#include "jobs/stream/task_environment.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <unistd.h>

#include "jobs/stream/property_names.h"

extern char** environ;

namespace millrace::jobs::stream {
namespace {

using Map = std::map<std::string, std::string, std::less<>>;

Map inherited() {
  Map variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.insert_or_assign(std::string(text.substr(0, equals)), text.substr(equals + 1));
  }
  return variables;
}

/// Every property under its names of today and of Hadoop 1.
void add_properties(const JobProperties& properties, std::int64_t limit, Map& variables) {
  const auto add = [&](std::string_view name, std::string_view current_name) {
    std::string value = properties.get(current_name);
    if (limit >= 0) value.resize(std::min(value.size(), static_cast<std::size_t>(limit)));
    variables.insert_or_assign(environment_name(name), std::move(value));
  };
  for (const auto& [name, value] : properties.all()) add(name, name);
  for (const PropertyName& name : renamed_properties()) {
    if (properties.has(name.current_name)) add(name.old_name, name.current_name);
  }
}

}  // namespace

std::string JobNames::application() const { return fmt::format("application_{}_{:04}", stamp, number); }
std::string JobNames::job() const { return fmt::format("job_{}_{:04}", stamp, number); }
std::string JobNames::task(bool is_map, std::uint32_t partition) const {
  return fmt::format("task_{}_{:04}_{}_{:06}", stamp, number, is_map ? 'm' : 'r', partition);
}
std::string JobNames::attempt(bool is_map, std::uint32_t partition, std::uint32_t attempt) const {
  return fmt::format("attempt_{}_{:04}_{}_{:06}_{}", stamp, number, is_map ? 'm' : 'r', partition, attempt);
}

Variables job_environment(const StreamingJob& job, const JobNames& names) {
  JobProperties properties = job.properties;
  properties.set("mapreduce.job.id", names.job());
  properties.set_default("mapreduce.job.name", job.name());
  properties.set_default("mapreduce.output.fileoutputformat.outputdir", job.output);
  Map variables = inherited();
  add_properties(properties, job.environment_limit, variables);
  for (const auto& [name, value] : job.environment) variables.insert_or_assign(name, value);
  return {variables.begin(), variables.end()};
}

std::vector<std::string> task_environment(const Variables& job, const TaskFacts& task) {
  JobProperties properties;
  properties.set("mapreduce.task.id", task.task_id());
  properties.set("mapreduce.task.attempt.id", task.attempt_id());
  properties.set("mapreduce.task.partition", std::to_string(task.partition));
  properties.set("mapreduce.task.ismap", task.is_map ? "true" : "false");
  properties.set("mapreduce.task.output.dir", task.work);
  properties.set("mapreduce.job.local.dir", task.work);
  if (task.is_map && !task.input_file.empty()) {
    properties.set("mapreduce.map.input.file", task.input_file);
    properties.set("mapreduce.map.input.start", std::to_string(task.input_start));
  }
  Map variables(job.begin(), job.end());
  add_properties(properties, -1, variables);
  variables.insert_or_assign("TMPDIR", task.temporary);

  std::vector<std::string> result;
  result.reserve(variables.size());
  for (const auto& [name, value] : variables) result.push_back(name + "=" + value);
  return result;
}

}  // namespace millrace::jobs::stream
